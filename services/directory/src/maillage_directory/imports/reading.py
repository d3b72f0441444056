"""The reader of each format: a file as lines of records, from its beginning as often as wanted."""

import zlib
from collections.abc import Iterator
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from maillage_directory.imports.documents import read_geojson, read_hsds_items
from maillage_directory.imports.packages import read_package
from maillage_directory.imports.tables import read_csv, read_xlsx
from maillage_directory.imports.unpacking import UnreadableFile
from maillage_directory.loading.outcome import Raw
from maillage_directory.loading.service import MAX_LINE_BYTES, read_lines
from maillage_directory.models.imports import ImportFormat
from maillage_directory.vocabulary import Terms

SHEETS = frozenset({ImportFormat.CSV, ImportFormat.XLSX})

# A part that breaks off, or is longer than the archive says.
_BROKEN_ARCHIVE = (BadZipFile, zlib.error, EOFError)
# What openpyxl makes of XML that is none, of entities, or of no workbook.
_NO_WORKBOOK = (*_BROKEN_ARCHIVE, ParseError, AttributeError, KeyError, TypeError, ValueError)


def read(file: IO[bytes], form: ImportFormat, terms: Terms) -> Iterator[Raw]:
    """Raises UnreadableFile, at once or on the way."""
    file.seek(0)
    match form:
        case ImportFormat.CSV:
            return read_csv(file)
        case ImportFormat.XLSX:
            return _unless(read_xlsx(file), _NO_WORKBOOK, "not_a_workbook")
        case ImportFormat.NDJSON:
            return read_lines(_lines(file))
        case ImportFormat.GEOJSON:
            return read_geojson(file)
        case ImportFormat.HSDS:
            is_package = file.read(4) == b"PK\x03\x04"
            if is_package:
                package = read_package(file, terms.needs.__contains__)
                return _unless(package, _BROKEN_ARCHIVE, "not_a_zip_file")
            return read_hsds_items(file, terms.needs.__contains__)


def _unless(raws: Iterator[Raw], faults: tuple[type[Exception], ...], code: str) -> Iterator[Raw]:
    """What shows only inside the file, perhaps after many good lines."""
    try:
        yield from raws
    except faults as fault:
        raise UnreadableFile(code) from fault


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """A line without end is cut short rather than held: it is told as too long."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                break
