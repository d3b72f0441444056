from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from maillage_campaigns.reports.aapor import FORMULAS, outcome_rates
from maillage_campaigns.results import AaporClass as A

SAMPLE: dict[A, int | None] = {
    A.COMPLETE: 50,
    A.PARTIAL: 10,
    A.REFUSAL: 15,
    A.NON_CONTACT: 20,
    A.OTHER: 5,
    A.UNKNOWN_HOUSEHOLD: 30,
    A.UNKNOWN_OTHER: 20,
    A.NOT_ELIGIBLE: 25,
}


def test_rates_are_the_standards() -> None:
    found = {name: rate.value for name, rate in outcome_rates(SAMPLE).items()}
    # D = 100, U = 50, e = 100 / 125 = 4/5, eU = 40.
    assert found == {
        "RR1": Fraction(50, 150),
        "RR2": Fraction(60, 150),
        "RR3": Fraction(50, 140),
        "RR4": Fraction(60, 140),
        "RR5": Fraction(50, 100),
        "RR6": Fraction(60, 100),
        "COOP1": Fraction(50, 80),
        "COOP2": Fraction(60, 80),
        "COOP3": Fraction(50, 75),
        "COOP4": Fraction(60, 75),
        "REF1": Fraction(15, 150),
        "REF2": Fraction(15, 140),
        "REF3": Fraction(15, 100),
        "CON1": Fraction(80, 150),
        "CON2": Fraction(80, 140),
        "CON3": Fraction(80, 100),
    }


def test_undefined_is_none_and_not_zero() -> None:
    assert all(rate.value is None and not rate.is_suppressed for rate in outcome_rates({}).values())


def test_a_suppressed_count_silences_the_rates_that_need_it() -> None:
    found = outcome_rates({**SAMPLE, A.UNKNOWN_OTHER: None})
    silent = {name for name, rate in found.items() if rate.is_suppressed}
    assert silent == {
        name for name in FORMULAS if name[-1] in "1234" and not name.startswith("COOP")
    } - {"REF3", "CON3"}


@given(
    st.dictionaries(st.sampled_from(A), st.integers(0, 10_000)).map(
        lambda counts: dict[A, int | None](counts)
    )
)
def test_rates_keep_their_order(counts: dict[A, int | None]) -> None:
    found = {name: rate.value for name, rate in outcome_rates(counts).items()}
    for low, high in (("RR1", "RR2"), ("RR1", "RR3"), ("RR3", "RR5"), ("COOP1", "COOP3")):
        if found[low] is not None and found[high] is not None:
            assert Fraction(found[low] or 0) <= Fraction(found[high] or 0)
    assert all(value is None or 0 <= value <= 1 for value in found.values())
