"""An XLSX workbook written row by row into a streamed zip (ECMA-376, SpreadsheetML).

Cells are inline strings or numbers, never formulas. Workbook libraries gather a sheet in a file
before the first byte leaves; this needs neither memory nor disk.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZipFile

from maillage_directory.records.sheets import CUT

MOST_ROWS = 1_000_000
MOST_LETTERS = 32_767
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class Workbook:
    """Sheets of at most a million rows, each with the header again."""

    def __init__(self, archive: ZipFile, columns: Sequence[str]) -> None:
        self._archive, self._columns = archive, columns
        self._letters = [_letters(number) for number in range(len(columns))]
        self._sheets = 0
        self._rows = 0
        self._sheet: Any = None

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            if self._sheet is None or self._rows > MOST_ROWS:
                self._next_sheet()
            self._write(row)

    def finish(self) -> None:
        if self._sheet is None:
            self._next_sheet()
        self._end_sheet()
        for name, text in _frame(self._sheets):
            self._archive.writestr(name, _HEAD + text)

    def _next_sheet(self) -> None:
        if self._sheet is not None:
            self._end_sheet()
        self._sheets += 1
        name = f"xl/worksheets/sheet{self._sheets}.xml"
        self._sheet = self._archive.open(name, "w", force_zip64=True)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        self._rows = 0
        self._write({name: name for name in self._columns})

    def _end_sheet(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()

    def _write(self, row: Mapping[str, Any]) -> None:
        self._rows += 1
        cells = "".join(
            _cell(f"{letters}{self._rows}", row[name])
            for name, letters in zip(self._columns, self._letters, strict=True)
            if name in row
        )
        self._sheet.write(f'<row r="{self._rows}">{cells}</row>'.encode())


def _cell(place: str, value: str | int | float) -> str:
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    text = _UNPRINTABLE.sub("", value)
    if len(text) > MOST_LETTERS:
        text = text[: MOST_LETTERS - len(CUT)] + CUT
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _letters(number: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _frame(sheets: int) -> Iterator[tuple[str, str]]:
    numbers = range(1, sheets + 1)
    yield (
        "[Content_Types].xml",
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml"'
            f' ContentType="{_TYPES}.worksheet+xml"/>'
            for n in numbers
        )
        + "</Types>",
    )
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    yield (
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>'
        + "".join(f'<sheet name="records {n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        + "</sheets></workbook>",
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations([("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]),
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    packages = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{packages}">{links}</Relationships>'
