"""The reader of each format: a file as lines of records, from its beginning as often as wanted."""

from collections.abc import Iterator
from typing import IO

from maillage_directory.imports.documents import read_geojson, read_hsds_items
from maillage_directory.imports.packages import read_package
from maillage_directory.imports.tables import read_csv, read_xlsx
from maillage_directory.loading.outcome import Raw
from maillage_directory.loading.service import MAX_LINE_BYTES, read_lines
from maillage_directory.models.imports import ImportFormat
from maillage_directory.vocabulary import Terms

SHEETS = frozenset({ImportFormat.CSV, ImportFormat.XLSX})


def read(file: IO[bytes], form: ImportFormat, terms: Terms) -> Iterator[Raw]:
    """Raises UnreadableFile, at once or on the way."""
    file.seek(0)
    match form:
        case ImportFormat.CSV:
            return read_csv(file)
        case ImportFormat.XLSX:
            return read_xlsx(file)
        case ImportFormat.NDJSON:
            return read_lines(_lines(file))
        case ImportFormat.GEOJSON:
            return read_geojson(file)
        case ImportFormat.HSDS:
            is_package = file.read(4) == b"PK\x03\x04"
            reader = read_package if is_package else read_hsds_items
            return reader(file, terms.needs.__contains__)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """A line without end is cut short rather than held: it is told as too long."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES + 1)
            if not line:
                break
