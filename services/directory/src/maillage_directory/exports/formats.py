"""Records as the bytes of each format, batch by batch: nothing is held but one batch."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from maillage_directory.exports.schemas import ExportFormat
from maillage_directory.exports.workbook import Workbook
from maillage_directory.exports.zipping import Sink, TableFile, open_zip, tables_aside
from maillage_directory.hsds import profile
from maillage_directory.hsds.objects import OBJECTS
from maillage_directory.hsds.outgoing import NEEDS_ID, Writer
from maillage_directory.hsds.tables import TABLES, rows_of
from maillage_directory.records.sheets import COLUMNS, as_row, safe_cell
from maillage_directory.vocabulary import Terms


@dataclass(frozen=True)
class Exported:
    """One record on its way out, and when readers last saw it change."""

    record: dict[str, Any]
    changed_at: datetime


Batches = AsyncIterator[Sequence[Exported]]


def _json(value: Any) -> bytes:
    return orjson.dumps(value)


async def _ndjson(batches: Batches, terms: Terms) -> AsyncIterator[bytes]:
    async for batch in batches:
        yield b"".join(_json(item.record) + b"\n" for item in batch)


async def _geojson(batches: Batches, terms: Terms) -> AsyncIterator[bytes]:
    """One feature a record; its geometry is its places' own points, or null."""
    yield b'{"type":"FeatureCollection","features":['
    comma = b""
    async for batch in batches:
        yield comma + b",\n".join(_json(_feature(item.record)) for item in batch)
        comma = b",\n"
    yield b"]}\n"


def _feature(record: Mapping[str, Any]) -> dict[str, Any]:
    points = [
        [place["longitude"], place["latitude"]]
        for place in record.get("locations", ())
        if "latitude" in place
    ]
    geometry: dict[str, Any] | None = None
    if len(points) == 1:
        geometry = {"type": "Point", "coordinates": points[0]}
    elif points:
        geometry = {"type": "MultiPoint", "coordinates": points}
    return {"type": "Feature", "id": record["id"], "geometry": geometry, "properties": record}


async def _csv(batches: Batches, terms: Terms) -> AsyncIterator[bytes]:
    # With a byte order mark, or spreadsheets take UTF-8 for something else.
    text = io.StringIO("\ufeff")
    text.seek(0, io.SEEK_END)
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    async for batch in batches:
        writer.writerows(as_row(item.record) for item in batch)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


async def _xlsx(batches: Batches, terms: Terms) -> AsyncIterator[bytes]:
    sink = Sink()
    with open_zip(sink) as archive:
        book = Workbook(archive, COLUMNS)
        async for batch in batches:
            book.add([as_row(item.record) for item in batch])
            yield sink.taken()
        book.finish()
    yield sink.taken()


async def _hsds(batches: Batches, terms: Terms) -> AsyncIterator[bytes]:
    """A tabular data package. Services flow out as they come; the other tables grow aside."""
    sink = Sink()
    names = {
        file: [m.name for m in profile.columns(described)] for file, described in TABLES.items()
    }
    writer = Writer(terms, "fr")
    with open_zip(sink) as archive, tables_aside(names) as aside:
        archive.writestr("datapackage.json", _json(profile.datapackage(TABLES)))
        _write_needs(aside, writer)
        package = _Package(writer)
        with archive.open("services.csv", "w", force_zip64=True) as live:
            services = TableFile(names["services"], _Unclosed(live))  # type: ignore[arg-type]
            async for batch in batches:
                for file, rows in package.rows(batch).items():
                    (services if file == "services" else aside[file]).add(rows)
                yield sink.taken()
        for file, table in aside.items():
            if file == "services":
                continue
            with archive.open(f"{file}.csv", "w", force_zip64=True) as part:
                for chunk in table.chunks():
                    part.write(chunk)
                    yield sink.taken()
    yield sink.taken()


class _Unclosed(io.RawIOBase):
    """A part of the zip that its text layer must not close."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written: int = self._part.write(data)
        return written


class _Package:
    """Rows of the tables, each shared object once. Places are shared within one organization only,
    and records come organization by organization, so that little need be remembered."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._units: set[str] = set()
        self._places: set[str] = set()
        self._owner = ""

    def rows(self, batch: Sequence[Exported]) -> dict[str, list[dict[str, Any]]]:
        tables: dict[str, list[dict[str, Any]]] = {}
        for item in batch:
            for file, row in self._rows(item):
                if self._is_new(file, row["id"]):
                    tables.setdefault(file, []).append(_cells(row))
        return tables

    def _rows(self, item: Exported) -> Any:
        record = item.record
        if record["type"] == "organization":
            made = self._writer.organization(record, item.changed_at)
        else:
            if record["organization"] != self._owner:
                self._owner, self._places = record["organization"], set()
            made = self._writer.service(record, item.changed_at)
        return rows_of(record["type"], made)

    def _is_new(self, file: str, key: str) -> bool:
        if file in ("taxonomy_terms", "taxonomies"):
            return False
        seen = {"units": self._units}.get(file)
        if file in ("locations", "addresses", "accessibility"):
            seen = self._places
        if seen is None:
            return True
        is_new = key not in seen
        seen.add(key)
        return is_new


def _write_needs(aside: Mapping[str, TableFile], writer: Writer) -> None:
    aside["taxonomies"].add([{"id": NEEDS_ID, "name": "Besoins", "description": "Besoins"}])
    columns = {m.name for m in profile.columns(OBJECTS["taxonomy_term"])}
    for code in writer.terms.needs:
        term = {name: value for name, value in writer.term(code).items() if name in columns}
        aside["taxonomy_terms"].add([_cells(term)])


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cell(name, value) for name, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool | dict | list):
        return _json(value).decode()
    # A telephone number is a number to its readers, plus sign and all.
    return value if name == "number" or not isinstance(value, str) else safe_cell(value)


FORMATS: Mapping[ExportFormat, Callable[[Batches, Terms], AsyncIterator[bytes]]] = {
    ExportFormat.NDJSON: _ndjson,
    ExportFormat.CSV: _csv,
    ExportFormat.XLSX: _xlsx,
    ExportFormat.GEOJSON: _geojson,
    ExportFormat.HSDS: _hsds,
}
