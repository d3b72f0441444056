"""Codes from a closed list, and the refusal of one that is not in it."""

import difflib
from collections.abc import Iterable, Mapping

from maillage_common.errors import FieldError, Unprocessable

_NEAREST = 5


class UnknownCode(Unprocessable):
    """A code that no list has; `suggestions` are the nearest that exist. `what` names the list."""

    what = "code"

    def __init__(
        self,
        *,
        parameter: str | None = None,
        pointer: str | None = None,
        suggestions: Iterable[str] = (),
    ) -> None:
        near = list(suggestions)
        advice = (
            f"Did you mean {', '.join(near)}?" if near else f"See the list of every {self.what}."
        )
        super().__init__(
            advice,
            errors=[
                FieldError(code=self.code, detail=advice, parameter=parameter, pointer=pointer)
            ],
            members={"suggestions": near},
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
