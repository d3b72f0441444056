"""Files in and out of the directory: how fast they come in, and what memory leaving takes.

Part of `directory.py`; see README.md, section "directory".
"""

import asyncio
import gc
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import psycopg
from directory_stage import PASSWORDS, Service, Stage, request, service
from sqlalchemy.engine import make_url

from maillage_common import migrations
from maillage_common.audit import SystemReason
from maillage_common.columns import uuid7
from maillage_common.database import Database
from maillage_directory.exports.schemas import ExportFormat, ExportParams
from maillage_directory.exports.service import prepare_export
from maillage_directory.imports.running import Importing
from maillage_directory.models.imports import (
    ImportChunk,
    ImportFormat,
    ImportStage,
    RecordImport,
)
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Vocabulary
from maillage_local.databases import (
    ServiceDatabase,
    administration,
    create_database,
    service_database,
)
from maillage_local.postgres import driver_url

IMPORTED_A_SECOND = 1_500
EXPORT_MEGABYTES = 150
PIECE = 1 << 20
ALL = Layer(is_professional=True, is_admin=True, organization=None, function=None)
REFERENCE = ("need", "program", "territory", "territory_membership", "territory_above")
# What the file's records are in, parents first; the feed and the history follow from `card`.
RECORDS = (
    "organization",
    "organization_identifier",
    "service",
    "location",
    "service_at_location",
    "schedule",
    "closure",
    "phone",
    "contact",
    "service_need",
    "service_language",
    "service_condition",
    "service_program",
    "action_zone",
    "capacity_report",
    "verification",
    "card",
    "service_search",
)


async def exchange(stage: Stage, sizes: list[int]) -> list[bool]:
    """Imports at the smallest size, exports of each format at the others."""
    met = await incoming(stage, stage.made[sizes[0]], sizes[0])
    for size in sizes[1:]:
        met += await outgoing(stage, stage.made[size], size)
    return met


async def incoming(stage: Stage, source: ServiceDatabase, services: int) -> list[bool]:
    """An NDJSON file of all records into an empty directory, again, and its rows by COPY."""
    content = b"".join([piece async for piece in _exported(source)])
    target = _emptied(stage, source, "directory_import")
    new = await _imported(stage, target, content, services)
    same = await _imported(stage, target, content, services)
    copied = services / _copied(source, _emptied(stage, source, "directory_copy"))
    rate, cpu, server = new
    print(
        f"import: {rate:,.0f} services/s (wanted: {IMPORTED_A_SECOND:,}), of CPU {cpu * 1e3:.2f} ms"
        f" each in the worker and {server * 1e3:.2f} ms in PostgreSQL; again, unchanged:"
        f" {same[0]:,.0f}/s"
    )
    print(f"COPY of the same rows: {copied:,.0f} services/s; share {rate / copied:.2f}")
    return [rate >= IMPORTED_A_SECOND]


async def _exported(database: ServiceDatabase) -> AsyncIterator[bytes]:
    reading = Database(database.app_url, pool_size=2)
    async with reading.read() as session:
        content = await prepare_export(
            session,
            reading,
            ExportParams(),
            form=ExportFormat.NDJSON,
            layer=ALL,
            vocabulary=Vocabulary(seconds=60),
        )
    async for piece in content:
        yield piece
    await reading.close()


def _emptied(stage: Stage, source: ServiceDatabase, name: str) -> ServiceDatabase:
    """A directory with the reference tables of `source` and nothing else."""
    made = service_database(stage.admin_url, "directory", name, PASSWORDS)
    with administration(stage.admin_url) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        create_database(admin, "directory", name)
    migrations.migrate("directory", made.owner_url)
    _copy(source, made, REFERENCE)
    return made


def _copied(source: ServiceDatabase, target: ServiceDatabase) -> float:
    """Seconds that the rows take into tables with the same keys, indexes and triggers."""
    return _copy(source, target, RECORDS)


def _copy(source: ServiceDatabase, target: ServiceDatabase, tables: tuple[str, ...]) -> float:
    seconds = 0.0
    with (
        psycopg.connect(driver_url(make_url(source.owner_url))) as out,
        psycopg.connect(driver_url(make_url(target.owner_url))) as into,
    ):
        for table in tables:
            columns = out.execute(
                "SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                (table,),
            ).fetchone()
            named = f"{table} ({columns[0] if columns else ''})"
            with out.cursor().copy(f"COPY {named} TO STDOUT".encode()) as copy:
                rows = [bytes(row) for row in copy]
            started = time.perf_counter()
            with into.cursor().copy(f"COPY {named} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write(row)
            seconds += time.perf_counter() - started
        started = time.perf_counter()
        into.commit()
    return seconds + time.perf_counter() - started


async def _imported(
    stage: Stage, target: ServiceDatabase, content: bytes, services: int
) -> tuple[float, float, float]:
    """Services a second, and seconds of CPU a service here and in PostgreSQL."""
    database = Database(target.app_url, pool_size=4)
    import_id = await _stored(database, content)
    # As a worker does once it has imported its jobs: later collections need not walk all that.
    gc.collect()
    gc.freeze()
    before, server = resource.getrusage(resource.RUSAGE_SELF), _server_seconds(stage, target)
    started = time.perf_counter()
    importing = Importing(database, import_id)
    await importing.run()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    server = _server_seconds(stage, target) - server
    assert importing.found == 0, "the file's records are good"
    await database.close()
    return services / seconds, own / services, server / services


async def _stored(database: Database, content: bytes) -> UUID:
    held = RecordImport(
        id=uuid7(),
        format=ImportFormat.NDJSON,
        stage=ImportStage.RECEIVED,
        source="bench",
        byte_count=len(content),
    )
    async with database.write(system=SystemReason.IMPORT) as session:
        session.add(held)
        await session.flush()
        for number, start in enumerate(range(0, len(content), PIECE)):
            piece = content[start : start + PIECE]
            session.add(ImportChunk(import_id=held.id, number=number, content=piece))
    return held.id


def _server_seconds(stage: Stage, database: ServiceDatabase) -> float:
    """CPU that the present backends of this database have used."""
    with administration(stage.admin_url) as admin:
        backends = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND datname = %s",
            (make_url(database.app_url).database,),
        ).fetchall()
    ticks = 0
    for (pid,) in backends:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def outgoing(stage: Stage, database: ServiceDatabase, services: int) -> list[bool]:
    """Every format through the service: its peak memory, and records a second beside COPY."""
    with psycopg.connect(driver_url(make_url(database.owner_url))) as connection:
        asked = "SELECT content FROM card ORDER BY resource_type, resource_id"
        started = time.perf_counter()
        with connection.cursor().copy(f"COPY ({asked}) TO STDOUT".encode()) as copy:
            cards = sum(1 for _ in copy)
        alone = cards / (time.perf_counter() - started)
    print(f"{services:9,} services: COPY of the cards {alone:,.0f}/s")
    met = []
    for form in ExportFormat:
        with service(stage, database) as served:
            before = _peak(served, anew=True)
            seconds, size = await _fetched(stage, served, form)
            peak = _peak(served)
        rate = cards / seconds
        print(
            f"{'':9} {form}: {size / 1e6:,.0f} MB at {rate:,.0f} records/s, share"
            f" {rate / alone:.2f}; the whole process held {peak:.0f} MB at most (wanted:"
            f" {EXPORT_MEGABYTES}), {peak - before:.0f} more than idle"
        )
        met.append(peak < EXPORT_MEGABYTES)
    return met


async def _fetched(stage: Stage, served: Service, form: ExportFormat) -> tuple[float, int]:
    headers = {**stage.headers(), "Connection": "close"}
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    started = time.perf_counter()
    writer.write(request("GET", f"/directory/v1/exports/{form}", headers))
    size, first = 0, b""
    while data := await reader.read(1 << 18):
        first = first or data
        size += len(data)
    assert b" 200 " in first[:16], first[:200]
    writer.close()
    return time.perf_counter() - started, size


def _peak(served: Service, *, anew: bool = False) -> float:
    """The most memory that the process has held, in MB, since it was last counted `anew`."""
    if anew:
        Path(f"/proc/{served.process.pid}/clear_refs").write_text("5", encoding="utf-8")
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
