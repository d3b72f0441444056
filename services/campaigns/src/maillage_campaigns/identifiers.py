"""Reading what people write: phone numbers and national numbers."""

import re
from datetime import date
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat

_SCIENTIFIC = re.compile(r"^[+-]?\d+(?:[.,]\d+)?E\+?\d+$", re.IGNORECASE)
# A number that a spreadsheet took for one: it has no plus and no leading zero.
_FLOAT = re.compile(r"([1-9][0-9]*)\.0")
_BELGIAN_SPELLING = re.compile(r"(?:\+32|0032|0)[ ./-]{0,2}([1-9](?:[ ./-]{0,2}[0-9]){7,8})")
_PUNCTUATION = str.maketrans("", "", " ./-")
_BELGIUM: Any = PhoneMetadata.metadata_for_region("BE")
_BELGIAN_NUMBER = re.compile(
    f"{_BELGIUM.mobile.national_number_pattern}|{_BELGIUM.fixed_line.national_number_pattern}"
)


class BadCell(ValueError):
    """The cell cannot be read as what its column says. Never quotes the cell."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_phone(cell: str) -> str:
    """E.164; national numbers are Belgian.

    Belgian numbers in the usual spellings take a short way through the library's own patterns, four
    times faster than its parser and with the same verdict (a property test compares them).
    """
    found = _BELGIAN_SPELLING.fullmatch(cell)
    if found is not None:
        national = found[1].translate(_PUNCTUATION)
        if _BELGIAN_NUMBER.fullmatch(national):
            return f"+32{national}"
    if _SCIENTIFIC.match(cell):
        raise BadCell("excel-mangled")
    float_written = _FLOAT.fullmatch(cell)
    try:
        number = phonenumbers.parse(float_written[1] if float_written else cell, "BE")
    except NumberParseException:
        raise BadCell("invalid-phone") from None
    if not phonenumbers.is_valid_number(number):
        raise BadCell("invalid-phone")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def parse_national_number(cell: str, *, today: date) -> tuple[str, int, bool]:
    """11 digits, birth year, and whether a lost leading zero was given back.

    The last two digits are 97 minus the first nine modulo 97; for those born from 2000 on the nine
    are read with a 2 before them (royal decree of 3 April 1984). Months 21-32 and 41-52 are those
    of the bis numbers. Raises BadCell: excel-mangled, invalid-national-number.
    """
    if _SCIENTIFIC.match(cell):
        raise BadCell("excel-mangled")
    digits = re.sub(r"[\s.\-/]", "", cell.removesuffix(".0"))
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (10, 11):
        raise BadCell("invalid-national-number")
    number = digits.zfill(11)
    month = int(number[2:4])
    month -= 40 if month > 40 else 20 if month > 20 else 0
    if month > 12 or int(number[4:6]) > 31:
        raise BadCell("invalid-national-number")
    for century, prefix in ((1900, ""), (2000, "2")):
        if 97 - int(prefix + number[:9]) % 97 == int(number[9:]):
            year = century + int(number[:2])
            if year > today.year:
                break
            return number, year, len(digits) == 10
    raise BadCell("invalid-national-number")
