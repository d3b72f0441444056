"""Outcome rates of AAPOR's Standard Definitions, exact. An undefined rate is None, never zero."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from maillage_campaigns.results import AaporClass

Counts = Mapping[AaporClass, int | None]


class Hidden(Exception):
    """The rate needs a count that is suppressed; computing it would give the count away."""


@dataclass(frozen=True)
class Rate:
    """`value` is None when the denominator is zero, or (`is_suppressed`) must not be told."""

    value: Fraction | None
    is_suppressed: bool = False


class _Frame:
    """The letters of the definitions, as fractions so that e keeps the rest exact."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def __getattr__(self, letter: str) -> Fraction:
        count = self._counts.get(AaporClass(letter), 0)
        if count is None:
            raise Hidden(letter)
        return Fraction(count)

    @property
    def d(self) -> Fraction:
        """Eligible cases: I + P + R + NC + O."""
        return self.I + self.P + self.R + self.NC + self.O

    @property
    def u(self) -> Fraction:
        """Cases of unknown eligibility: UH + UO."""
        return self.UH + self.UO

    @property
    def e(self) -> Fraction:
        """Share of the unknown that is eligible, as among the known (proportional allocation)."""
        return self.d / (self.d + self.NE)

    @property
    def contacted(self) -> Fraction:
        return self.I + self.P + self.R + self.O


FORMULAS: dict[str, Callable[[_Frame], Fraction]] = {
    "RR1": lambda f: f.I / (f.d + f.u),
    "RR2": lambda f: (f.I + f.P) / (f.d + f.u),
    "RR3": lambda f: f.I / (f.d + f.e * f.u),
    "RR4": lambda f: (f.I + f.P) / (f.d + f.e * f.u),
    "RR5": lambda f: f.I / f.d,
    "RR6": lambda f: (f.I + f.P) / f.d,
    "COOP1": lambda f: f.I / f.contacted,
    "COOP2": lambda f: (f.I + f.P) / f.contacted,
    "COOP3": lambda f: f.I / (f.I + f.P + f.R),
    "COOP4": lambda f: (f.I + f.P) / (f.I + f.P + f.R),
    "REF1": lambda f: f.R / (f.d + f.u),
    "REF2": lambda f: f.R / (f.d + f.e * f.u),
    "REF3": lambda f: f.R / f.d,
    "CON1": lambda f: f.contacted / (f.d + f.u),
    "CON2": lambda f: f.contacted / (f.d + f.e * f.u),
    "CON3": lambda f: f.contacted / f.d,
}


def outcome_rates(counts: Counts) -> dict[str, Rate]:
    """All sixteen rates by name. A class not in `counts` is zero, one mapped to None suppressed."""
    frame = _Frame(counts)
    return {name: _rate(formula, frame) for name, formula in FORMULAS.items()}


def _rate(formula: Callable[[_Frame], Fraction], frame: _Frame) -> Rate:
    try:
        return Rate(formula(frame))
    except ZeroDivisionError:
        return Rate(None)
    except Hidden:
        return Rate(None, is_suppressed=True)
