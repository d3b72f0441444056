"""The job: from the stored file to records, batch by batch, each its own transaction.

A file is read twice, organizations first, so that what it holds may come in any order. A worker
that dies leaves the import to another, which reads it from the start: the same lines change nothing
the second time.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import IO
from uuid import UUID
from zlib import crc32

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_common.events import log
from maillage_directory.events import DirectoryEvent
from maillage_directory.imports import queries
from maillage_directory.imports.lifecycle import ImpossibleMove, move
from maillage_directory.imports.reading import SHEETS, read
from maillage_directory.imports.tables import in_columns
from maillage_directory.imports.unpacking import UnreadableFile
from maillage_directory.loading.batch import Batch, check_batch, write_batch
from maillage_directory.loading.outcome import Outcome, Raw, Rejected, Run
from maillage_directory.loading.service import settle
from maillage_directory.models.imports import ImportStage, RecordImport
from maillage_directory.vocabulary import load_terms

BATCH = 1000
_MOST_FINDINGS = 100_000
# A deadlock, a lost connection: the job is run again, from the start.
_NO_FAULT_OF_A_LINE = (OperationalError, psycopg.OperationalError)


class Importing:
    """One run of one import."""

    def __init__(self, database: Database, import_id: UUID) -> None:
        self.database, self.import_id = database, import_id
        self.outcome = Outcome()
        self.lines_done = 0
        self.found = 0
        self.is_sheet = False

    async def run(self) -> None:
        held = await self._begin()
        if held is None:
            return
        self.is_sheet = held.format in SHEETS
        async with self.database.read() as session:
            run = Run(
                terms=await load_terms(session),
                source=held.source,
                only_for=None if held.only_for is None else frozenset(held.only_for),
                is_dry=held.is_dry_run,
            )
        with tempfile.TemporaryFile() as file:
            await self._spool(file)
            try:
                kinds = await self._read(file, held, run)
            except UnreadableFile as unreadable:
                await self._fail(unreadable.code)
                return
        await self._finish(run, kinds)

    async def _begin(self) -> RecordImport | None:
        async with self._session() as session:
            held = await queries.get_import(session, self.import_id, None, for_update=True)
            try:
                held.stage = move(held.stage, ImportStage.READING)
            except ImpossibleMove:
                return None
            held.started_at = clock.now()
            held.lines_done, held.lines_total, held.counts = 0, None, {}
            await queries.erase_findings(session, held.id)
            return held

    async def _spool(self, file: IO[bytes]) -> None:
        number = 0
        while True:
            async with self.database.read() as session:
                chunk = await queries.find_chunk(session, self.import_id, number)
            if chunk is None:
                return
            file.write(chunk)
            number += 1

    async def _read(self, file: IO[bytes], held: RecordImport, run: Run) -> list[str]:
        """Both passes; the kinds of record that the file is about."""
        kinds: list[str] = []
        total = 0
        for is_first in (True, False):
            raws = _of_pass(read(file, held.format, run.terms), is_first=is_first)
            async for batch in self._written(run, _batches(raws)):
                records = [raw for _, raw in batch if isinstance(raw, dict)]
                kinds += [
                    k for k in ("organization", "service") if k not in kinds and _has(records, k)
                ]
            total = self.lines_done
        async with self._session() as session:
            held = await queries.get_import(session, self.import_id, None, for_update=True)
            held.lines_total = total
        return kinds

    async def _written(
        self, run: Run, batches: AsyncIterator[Sequence[Raw]]
    ) -> AsyncIterator[Sequence[Raw]]:
        """These batches, each checked while PostgreSQL writes the parts of the one before."""
        writing: asyncio.Task[None] | None = None
        try:
            async for raws in batches:
                parts = [(part, await self._check(run, part)) for part in in_parts(raws)]
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write_at_once(run, parts))
                yield raws
        finally:
            if writing is not None:
                await writing

    async def _check(self, run: Run, raws: Sequence[Raw]) -> Batch | None:
        try:
            async with self._session() as session:
                return await check_batch(session, run, raws)
        except _NO_FAULT_OF_A_LINE:
            raise
        except (DBAPIError, UnicodeError):
            run.forget(raws)
            return None

    async def _write_at_once(
        self, run: Run, parts: Sequence[tuple[Sequence[Raw], Batch | None]]
    ) -> None:
        async with asyncio.TaskGroup() as writing:
            for raws, checked in parts:
                writing.create_task(self._write(run, raws, checked))

    async def _write(self, run: Run, raws: Sequence[Raw], checked: Batch | None) -> None:
        """A batch that PostgreSQL refuses is halved until the line at fault stands alone."""
        numbers = {number for number, _ in raws}
        if checked is not None:
            try:
                async with self._session() as session:
                    outcome = await write_batch(session, run, checked)
                    await self._note(session, outcome, len(numbers))
            except _NO_FAULT_OF_A_LINE:
                raise
            except (DBAPIError, psycopg.Error):
                run.forget(raws)
            else:
                self.outcome.add(Outcome(outcome.created, outcome.changed, outcome.unchanged))
                return
        if len(raws) == 1:
            detail = "A value cannot be stored, or clashes with another record."
            fault = Rejected(raws[0][0], "not_storable", "", detail)
            async with self._session() as session:
                await self._note(session, Outcome(rejected=[fault]), 1)
            return
        for half in (raws[: len(raws) // 2], raws[len(raws) // 2 :]):
            await self._write(run, half, await self._check(run, half))

    async def _note(self, session: AsyncSession, outcome: Outcome, lines: int) -> None:
        held = await queries.get_import(session, self.import_id, None, for_update=True)
        faults = [*outcome.rejected, *outcome.noted]
        if self.is_sheet:
            faults = [in_columns(fault) for fault in faults]
        room = max(0, _MOST_FINDINGS - self.found)
        queries.note_findings(session, self.import_id, faults[:room])
        self.found += len(faults)
        self.lines_done += lines
        counts = dict(held.counts)
        for name, more in (
            ("created", outcome.created.total()),
            ("changed", outcome.changed.total()),
            ("unchanged", outcome.unchanged.total()),
            ("bad", outcome.bad_lines),
        ):
            counts[name] = counts.get(name, 0) + more
        held.counts, held.lines_done = counts, self.lines_done

    async def _finish(self, run: Run, kinds: Sequence[str]) -> None:
        async with self._session() as session:
            await self._note(session, await settle(session, run), 0)
            held = await queries.get_import(session, self.import_id, None, for_update=True)
            now = clock.now()
            if held.is_complete and kinds:
                missing = await queries.flag_missing(session, held, run, kinds, now)
                held.counts = {**held.counts, "missing": missing}
            over = ImportStage.CHECKED if run.is_dry else ImportStage.DONE
            held.stage, held.ended_at = move(held.stage, over), now
            if not run.is_dry:
                await queries.erase_file(session, held.id)
            told = dict(held.counts)
        log(DirectoryEvent.IMPORT_DONE, import_id=str(self.import_id), **told)

    async def _fail(self, code: str) -> None:
        async with self._session() as session:
            held = await queries.get_import(session, self.import_id, None, for_update=True)
            held.stage = move(held.stage, ImportStage.FAILED)
            held.failure_code, held.ended_at = code, clock.now()
            await queries.erase_file(session, held.id)
        log(DirectoryEvent.IMPORT_FAILED, import_id=str(self.import_id), failure=code)

    def _session(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.database.write(system=SystemReason.IMPORT)


async def _batches(raws: Iterator[Raw]) -> AsyncIterator[Sequence[Raw]]:
    # Decoding runs in a thread, so that the worker's heartbeat goes on.
    while batch := await asyncio.to_thread(lambda: list(islice(raws, BATCH))):
        yield batch


def in_parts(raws: Sequence[Raw]) -> Sequence[Sequence[Raw]]:
    """Services as two parts, each a transaction of its own, at once: PostgreSQL takes most of the
    time, on one core a connection.

    What one organization offers stays together: services that share a place lock each other. Other
    records may name a service of their batch, which is then one part.
    """
    parts: tuple[list[Raw], list[Raw]] = ([], [])
    for number, raw in raws:
        owner: object = None
        if isinstance(raw, dict):
            if raw.get("type") != "service":
                return (raws,)
            owner = raw.get("organization") or raw.get("organization_external_id")
        parts[crc32(str(owner).lower().encode()) % 2].append((number, raw))
    return [part for part in parts if part]


def _of_pass(raws: Iterator[Raw], *, is_first: bool) -> Iterator[Raw]:
    for number, raw in raws:
        is_organization = isinstance(raw, dict) and raw.get("type") == "organization"
        if is_organization is is_first:
            yield number, raw


def _has(records: Sequence[dict[str, object]], kind: str) -> bool:
    return any(record.get("type") == kind for record in records)
