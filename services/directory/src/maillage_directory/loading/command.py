"""`python -m maillage_directory load FILE…` and `load-reference`.

Exit code 0: everything loaded; 1: some lines were rejected, the others loaded; 2: nothing read.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from maillage_common.audit import AuditTrail, SystemReason
from maillage_common.database import Database
from maillage_common.events import log
from maillage_directory import projection
from maillage_directory.events import AuditEvent, DirectoryEvent
from maillage_directory.loading.outcome import Outcome
from maillage_directory.loading.reference import FOLDER, read_rows, write_reference_tables
from maillage_directory.loading.service import load_records
from maillage_directory.settings import Settings

_SHOWN_REJECTIONS = 50


def load(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m maillage_directory load")
    parser.add_argument("files", nargs="+", type=Path, help="NDJSON files of directory records")
    files: list[Path] = parser.parse_args(arguments).files
    for file in files:
        if not file.is_file():
            sys.stderr.write(f"{file}: no such file\n")
            return 2
    return _run(_load_files(settings, files))


def load_reference(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m maillage_directory load-reference")
    parser.parse_args(arguments)
    return _run(_load_reference(settings))


def _run(work: Coroutine[Any, Any, bool]) -> int:
    return 0 if asyncio.run(work) else 1


async def _load_files(settings: Settings, files: Sequence[Path]) -> bool:
    database = Database(settings.database_url, pool_size=1)
    clean = True
    try:
        for file in files:
            with file.open("rb") as lines:
                outcome = await _load(database, lines, SystemReason.IMPORT, file.name)
            clean = clean and not outcome.rejected
    finally:
        await database.close()
    return clean


async def _load_reference(settings: Settings) -> bool:
    database = Database(settings.database_url, pool_size=1)
    lines = [
        line
        for name in ("organizations.ndjson", "services.ndjson")
        for line in (FOLDER / name).read_bytes().splitlines()
    ]
    coverage = [_coverage_line(row) for row in read_rows("coverage.csv")]
    try:
        async with database.write(system=SystemReason.REFERENCE_DATA) as session:
            await write_reference_tables(session)
        outcome = await _load(
            database, [*lines, *coverage], SystemReason.REFERENCE_DATA, "reference data"
        )
        async with database.write(system=SystemReason.REFERENCE_DATA) as session:
            await projection.refresh(session)
    finally:
        await database.close()
    return not outcome.rejected


def _coverage_line(row: Mapping[str, str]) -> bytes:
    kept = {name: value for name, value in row.items() if value}
    return json.dumps({"type": "coverage", **kept}).encode()


async def _load(database: Database, lines: Any, reason: SystemReason, name: str) -> Outcome:
    async with database.write(system=reason) as session:
        outcome = await load_records(session, lines)
        if outcome.written:
            AuditTrail(session, reason).record(
                AuditEvent.RECORDS_LOADED,
                entity="directory",
                entity_id=name,
                changes={"created": dict(outcome.created), "changed": dict(outcome.changed)},
            )
    log(
        DirectoryEvent.RECORDS_LOADED,
        created=outcome.created.total(),
        changed=outcome.changed.total(),
        unchanged=outcome.unchanged.total(),
    )
    if outcome.rejected:
        log(DirectoryEvent.RECORDS_REJECTED, rejected=len(outcome.rejected))
    _tell(name, outcome)
    return outcome


def _tell(name: str, outcome: Outcome) -> None:
    sys.stdout.write(
        f"{name}: {outcome.created.total()} created, {outcome.changed.total()} changed,"
        f" {outcome.unchanged.total()} unchanged, {len(outcome.rejected)} rejected\n"
    )
    for rejected in outcome.rejected[:_SHOWN_REJECTIONS]:
        sys.stdout.write(
            f"  line {rejected.line} {rejected.field}: {rejected.code}: {rejected.detail}\n"
        )
    hidden = len(outcome.rejected) - _SHOWN_REJECTIONS
    if hidden > 0:
        sys.stdout.write(f"  and {hidden} more\n")
