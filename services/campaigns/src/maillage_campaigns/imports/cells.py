"""Reading one cell. Each function gives a value, or raises `BadCell` with a stable code."""

import re
import unicodedata
from datetime import date, time

from maillage_campaigns.identifiers import BadCell

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"), None)
_DAY_FIRST = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_TRUE = frozenset({"oui", "ja", "yes", "o", "j", "y", "x", "1", "true", "vrai", "waar"})
_FALSE = frozenset({"", "non", "nee", "neen", "no", "n", "0", "false", "faux", "onwaar", "-"})
_TIMES = re.compile(
    r"^\s*(\d{1,2})(?:[:hu.](\d{2})?)?\s*(?:-|–|à|a|tot|to)\s*(\d{1,2})(?:[:hu.](\d{2})?)?\s*$"
)


def clean(cell: str) -> str:
    """Without invisible characters and outer blanks; a no-break space is a space."""
    if cell.isascii():
        return cell.strip()
    return unicodedata.normalize("NFC", cell.translate(_INVISIBLE).replace("\u00a0", " ")).strip()


def has_controls(cell: str) -> bool:
    """Whether a wrong encoding or a binary file left control characters."""
    return not cell.isprintable() and any(
        unicodedata.category(letter) == "Cc" and letter not in "\t\r\n" for letter in cell
    )


def parse_birth_year(cell: str, *, today: date) -> int:
    """The year of DD/MM/YYYY (also with . or -), of an ISO date, or a bare year."""
    year = int(cell) if re.fullmatch(r"\d{4}", cell) else _parse_date(cell).year
    if not 1900 <= year <= today.year:
        raise BadCell("invalid-date")
    return year


def _parse_date(cell: str) -> date:
    found = _DAY_FIRST.fullmatch(cell)
    parts = found.group(3, 2, 1) if found else ()
    if found is None and (found := _YEAR_FIRST.fullmatch(cell)) is not None:
        parts = found.group(1, 2, 3)
    try:
        year, month, day = map(int, parts)
        return date(year, month, day)
    except ValueError:
        raise BadCell("invalid-date") from None


def parse_postcode(cell: str) -> str:
    """Four digits, with or without the B- of older addresses."""
    found = re.fullmatch(r"(?:B-?\s*)?([1-9]\d{3})(?:\.0)?", cell, re.IGNORECASE)
    if found is None:
        raise BadCell("invalid-postcode")
    return found[1]


def parse_yes(cell: str) -> bool:
    word = cell.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadCell("type-error")


def parse_priority(cell: str) -> int:
    """0 (default) to 100, higher is called first."""
    if not re.fullmatch(r"\d{1,3}", cell) or int(cell) > 100:
        raise BadCell("constraint-error")
    return int(cell)


def parse_times(cell: str) -> tuple[time, time]:
    """Hours one likes to be called, "09:00-12:00", "9h-12h30", "9-12"."""
    found = _TIMES.match(cell.lower())
    if found is None:
        raise BadCell("type-error")
    first, first_minutes, last, last_minutes = (int(part or 0) for part in found.groups())
    try:
        begins, ends = time(first, first_minutes), time(last, last_minutes)
    except ValueError:
        raise BadCell("type-error") from None
    if begins >= ends:
        raise BadCell("constraint-error")
    return begins, ends


def parse_criteria(cell: str) -> list[str]:
    """Codes of the mutuality's own choosing: letters, digits, dashes."""
    codes = [code for code in re.split(r"[\s,;|]+", cell.lower()) if code]
    if len(codes) > 10 or not all(
        re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", code) for code in codes
    ):
        raise BadCell("constraint-error")
    return codes
