"""Reading our template: CSV and XLSX, line by line."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from maillage_directory.imports.unpacking import UnreadableFile, check_archive
from maillage_directory.loading.outcome import Raw, Rejected
from maillage_directory.records.sheets import COLUMNS, as_record, column_of

_CHUNK = 1 << 18
_LONGEST_CELL = 1 << 20
_MOST_STRINGS = 1 << 28


def read_csv(file: IO[bytes]) -> Iterator[Raw]:
    """UTF-8 (with or without byte order mark) or Windows-1252; comma, semicolon or tab."""
    csv.field_size_limit(_LONGEST_CELL)
    encoding = _encoding(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        head = text.readline()
        text.seek(0)
        delimiter = max(";,\t", key=head.count)
        yield from _rows(_tolerant(csv.reader(text, delimiter=delimiter)))
    finally:
        text.detach()


def _encoding(file: IO[bytes]) -> str:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8-sig"


def _tolerant(rows: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """None for a row that is no CSV."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield None


def read_xlsx(file: IO[bytes]) -> Iterator[Raw]:
    """Every sheet, each with its header. Formulas are read as such, and refused."""
    # Costs a tenth of a second, and only workers need it.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    check_archive(file, largest={"xl/sharedStrings.xml": _MOST_STRINGS})
    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, KeyError, ValueError, OSError) as error:
        raise UnreadableFile("not_a_workbook") from error
    try:
        for sheet in book.worksheets:
            rows = (list(row) for row in sheet.iter_rows(values_only=True))
            yield from _rows(rows, may_be_empty=True)
    finally:
        book.close()


def _rows(rows: Iterable[Sequence[Any] | None], *, may_be_empty: bool = False) -> Iterator[Raw]:
    numbered = enumerate(rows, start=1)
    number, header = next(numbered, (1, None))
    columns = [str(cell or "").strip().lower() for cell in header or ()]
    known = [name in COLUMNS for name in columns]
    if not any(known):
        if may_be_empty and not any(columns):
            return
        raise UnreadableFile("no_known_column")
    for name, is_known in zip(columns, known, strict=True):
        if name and not is_known:
            detail = "The template has no such column; it is left unread."
            yield number, Rejected(number, "unknown_column", name[:80], detail, severity="warning")
    for number, row in numbered:
        yield from _row(number, columns, row)


def _row(number: int, columns: Sequence[str], row: Sequence[Any] | None) -> Iterator[Raw]:
    if row is None:
        yield number, Rejected(number, "malformed_csv", "", "This line is not CSV.")
        return
    if not any(cell not in (None, "") for cell in row):
        return
    extra = [cell for cell in row[len(columns) :] if cell not in (None, "")]
    if extra:
        yield number, Rejected(number, "too_many_cells", "", "More cells than columns.")
        return
    cells = {name: cell for name, cell in zip(columns, row, strict=False) if name in COLUMNS}
    record, faults = as_record(cells)
    for fault in faults:
        yield number, Rejected(number, fault.code, fault.column, fault.detail)
    if not faults:
        yield number, record


def in_columns(fault: Rejected) -> Rejected:
    """The fault at its column, as the person at the spreadsheet sees it."""
    place = column_of(fault.field) if fault.field.startswith("/") else fault.field
    return Rejected(fault.line, fault.code, place, fault.detail, fault.near, fault.severity)
