"""Reading a tabular HSDS package: its tables joined through a file of our own, never in memory."""

import csv
import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from maillage_directory.hsds.objects import OBJECTS, Object
from maillage_directory.hsds.tables import TABLES
from maillage_directory.imports.documents import hsds_records
from maillage_directory.imports.unpacking import UnreadableFile, check_archive
from maillage_directory.loading.outcome import Raw, Rejected
from maillage_directory.records.sheets import without_apostrophe

_LONGEST_CELL = 1 << 20
_FILES = {described.name: file for file, described in TABLES.items()}
# By what a row of a table is found again: the first of these that it names.
_OWNERS = (
    "contact_id",
    "phone_id",
    "service_at_location_id",
    "link_id",
    "service_id",
    "location_id",
    "organization_id",
)
_BY_ID = frozenset({"locations", "units", "taxonomy_terms", "taxonomies"})
_MAIN = ("organization", "service")


def read_package(file: IO[bytes], needs: Callable[[str], bool]) -> Iterator[Raw]:
    """Organizations, then services; the line is that of their own table."""
    check_archive(file)
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as place:
        held = sqlite3.connect(place.name, isolation_level=None)
        try:
            yield from _gather(file, held)
            seen: set[str] = set()
            for name in _MAIN:
                rows = held.execute(
                    "SELECT line, cells FROM row WHERE file = ? ORDER BY line", (_FILES[name],)
                )
                for line, cells in rows:
                    item = _whole(held, OBJECTS[name], json.loads(cells))
                    yield from hsds_records(line, item, seen, needs)
        finally:
            held.close()


def _gather(file: IO[bytes], held: sqlite3.Connection) -> Iterator[Raw]:
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16000"):
        held.execute(f"PRAGMA {pragma}")
    held.execute("CREATE TABLE row (file TEXT, owner TEXT, line INTEGER, cells TEXT)")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with ZipFile(file) as archive:
            paths = _paths(archive)
            if _FILES["service"] not in paths and _FILES["organization"] not in paths:
                raise UnreadableFile("not_an_hsds_package")
            held.execute("BEGIN")
            for table, path in paths.items():
                with archive.open(path) as part:
                    yield from _gather_table(table, part, held)
            held.execute("COMMIT")
    except (BadZipFile, csv.Error, UnicodeDecodeError, EOFError) as error:
        raise UnreadableFile("not_an_hsds_package") from error
    held.execute("CREATE INDEX owned ON row (file, owner)")


def _paths(archive: ZipFile) -> dict[str, str]:
    """Where each table is: as the descriptor says, else under its usual name."""
    names = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
    return {table: names[f"{table}.csv"] for table in TABLES if f"{table}.csv" in names}


def _gather_table(table: str, part: IO[bytes], held: sqlite3.Connection) -> Iterator[Raw]:
    described = TABLES[table]
    text = io.TextIOWrapper(part, encoding="utf-8-sig", newline="")
    for line, row in enumerate(csv.DictReader(text), start=2):
        try:
            cells = _cells(described, row)
        except ValueError:
            detail = f"A cell of {table}.csv is not what its column holds."
            yield line, Rejected(line, "not_hsds", table, detail)
            continue
        owner = cells.get("id") if table in _BY_ID or described.name in _MAIN else _owner(cells)
        held.execute("INSERT INTO row VALUES (?, ?, ?, ?)", (table, owner, line, json.dumps(cells)))


def _owner(cells: dict[str, Any]) -> Any:
    return next((cells[name] for name in _OWNERS if cells.get(name)), None)


def _cells(described: Object, row: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, text in row.items():
        member = described.members.get(name)
        if member is None or not isinstance(text, str) or text == "":
            continue
        if member.kind == "number":
            number = float(text)
            cells[name] = int(number) if number.is_integer() else number
        elif member.kind in ("boolean", "object", "array", "strings"):
            cells[name] = json.loads(text)
        else:
            cells[name] = without_apostrophe(text)
    return cells


def _whole(held: sqlite3.Connection, described: Object, item: dict[str, Any]) -> dict[str, Any]:
    """The object with all that belongs to it, as the API nests it."""
    for member in described.members.values():
        inner = member.listed or member.held
        if inner is None or inner in _MAIN or inner not in _FILES:
            continue
        if described.name == "organization" and inner == "location":
            continue
        key = item.get("id") if member.listed else item.get(f"{member.name}_id")
        if key is None:
            continue
        rows = held.execute(
            "SELECT cells FROM row WHERE file = ? AND owner = ? ORDER BY rowid",
            (_FILES[inner], key),
        )
        found = [_whole(held, OBJECTS[inner], json.loads(cells)) for (cells,) in rows.fetchall()]
        if member.listed and found:
            item[member.name] = found
        elif found:
            item[member.name] = found[0]
    return item
