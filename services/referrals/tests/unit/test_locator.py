"""A locator names a known system, and never carries the person's own number in any spelling."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_referrals.pointers.locator import LocatorRefused, check_locator

KNOWN = ("own", "topaz")
months = st.builds(int.__add__, st.integers(0, 12), st.sampled_from([0, 20, 40]))
bodies = st.builds(
    "{:02d}{:02d}{:02d}{:03d}".format,
    st.integers(0, 99),
    months,
    st.integers(0, 31),
    st.integers(0, 999),
)


@given(body=bodies, born_2000=st.booleans(), prefix=st.sampled_from(["", "D-", "nn/"]))
def test_refuses_a_national_number_of_either_century(
    body: str, born_2000: bool, prefix: str
) -> None:
    number = int(("2" if born_2000 else "") + body)
    written = f"{body}{97 - number % 97:02d}"
    dotted = f"{written[:2]}.{written[2:4]}.{written[4:6]}-{written[6:9]}.{written[9:]}"
    dashed = f"{written[:6]}-{written[6:9]}-{written[9:]}"
    for reference in (prefix + written, prefix + dotted, prefix + dashed):
        with pytest.raises(LocatorRefused) as refused:
            check_locator("own", reference, None, known=KNOWN)
        assert "national_number" in {error.code for error in refused.value.errors}


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("D-2026-000123", None),
        ("6f1c2a34-9b1e-4c55-8c1d-0f6f4b1f2f11", None),
        ("42", "https://topaz.example:8443/records/view/42"),
        ("urn:oid:1.2.3.4", "https://topaz.example"),
        ("0123456789", None),
        ("2026-1234567890", None),
        ("99999999999", None),
    ],
)
def test_takes_identifiers_of_other_systems(reference: str, url: str | None) -> None:
    check_locator("own", reference, url, known=KNOWN)


@given(reference=st.text(max_size=70), url=st.one_of(st.none(), st.text(max_size=70)))
def test_never_fails_in_another_way(reference: str, url: str | None) -> None:
    with suppress(LocatorRefused):
        check_locator("own", reference, url, known=KNOWN)


@pytest.mark.parametrize("system", ["jean-dupont-1974", "topaz.", "Own", "own\n", ""])
def test_names_no_system_that_the_operator_did_not(system: str) -> None:
    with pytest.raises(LocatorRefused) as refused:
        check_locator(system, "D-2026-1", None, known=KNOWN)
    [fault] = refused.value.errors
    assert (fault.pointer, fault.code) == ("/locator/system", "unknown_system")
    assert fault.detail.startswith("One of: own, topaz.")
