"""Codes from a closed list, and the refusal of one that is not in it."""

import difflib
from collections.abc import Mapping, Sequence

from maillage_common.errors import FieldError, Unprocessable

_NEAREST = 5


class UnknownCode(Unprocessable):
    """Codes that no reference table has, each with the nearest that exist; named by the first."""

    what = "code"

    def __init__(self, faults: Sequence[FieldError]) -> None:
        first = faults[0]
        super().__init__(
            first.detail, errors=faults, members={"suggestions": list(first.suggestions)}
        )

    @classmethod
    def fault(cls, place: str, near: Sequence[str]) -> FieldError:
        """`place` is a parameter's name, or a JSON pointer (starts with `/`)."""
        advice = (
            f"Did you mean {', '.join(near)}?" if near else f"See the list of every {cls.what}."
        )
        is_pointer = place.startswith("/")
        return FieldError(
            code=cls.code,
            detail=advice,
            pointer=place if is_pointer else None,
            parameter=None if is_pointer else place,
            suggestions=near,
        )


def nearest(
    asked: str, names: Mapping[str, Mapping[str, str]], words: Mapping[str, str] | None = None
) -> list[str]:
    """Codes whose code, name in some language or one of `words` resembles `asked`, best first."""
    # A code comes before a name that is spelt like it (the basin `nord`, the quartier Nord).
    spellings = dict(words or {})
    spellings |= {label.lower(): code for code in names for label in names[code].values()}
    spellings |= {code.lower(): code for code in names}
    found = difflib.get_close_matches(asked.lower()[:80], spellings, n=_NEAREST, cutoff=0.6)
    return list(dict.fromkeys(spellings[spelling] for spelling in found))
