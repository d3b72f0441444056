"""Stage one: from the sealed file to staged rows, in batches that each commit.

A batch's rows, issues and the count of rows read are one transaction. After a crash the file is
read again from its start, which is cheap, and the rows counted already are passed over.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.events import CampaignsEvent
from maillage_campaigns.imports.headers import Heading, match_headings, missing_columns
from maillage_campaigns.imports.lifecycle import move
from maillage_campaigns.imports.messages import severity_of
from maillage_campaigns.imports.queries import find_chunk, get_import
from maillage_campaigns.imports.reading import ListFile, UnreadableFile
from maillage_campaigns.imports.receiving import chunk_context
from maillage_campaigns.imports.rows import Issue, RowParser, StagedRow
from maillage_campaigns.imports.service import defer_stage, erase_file
from maillage_campaigns.imports.staging import insert_records
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import ImportIssue, ImportRow, ImportStage, ListImport
from maillage_campaigns.settings import Settings
from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.columns import uuid7
from maillage_common.database import Database
from maillage_common.dates import today
from maillage_common.events import log


@dataclass(frozen=True)
class Batch:
    rows: list[StagedRow]
    issues: list[Issue]
    bytes_read: int


class Superseded(Exception):
    """Another worker moved this import on meanwhile: leave it to them."""


class ListParsing:
    """One run of the stage for one import."""

    def __init__(
        self, database: Database, settings: Settings, *, tenant: str, import_id: UUID
    ) -> None:
        self.database, self.settings = database, settings
        self.tenant, self.import_id = tenant, import_id
        self.keys = TenantKeys(settings.secret, tenant)

    async def run(self) -> None:
        """Read on to the end, from wherever the last run stopped; nothing when it is over."""
        async with self._session() as session:
            held = await get_import(session, self.import_id, tenant=self.tenant)
        if held.stage not in (ImportStage.RECEIVED, ImportStage.PARSING):
            return
        try:
            await self._read_on(held)
        except UnreadableFile as unreadable:
            await self._fail(unreadable.code)
        except Superseded:
            return

    async def _read_on(self, held: ListImport) -> None:
        loop = asyncio.get_running_loop()

        def fetch(number: int) -> bytes | None:
            return asyncio.run_coroutine_threadsafe(self._chunk(number), loop).result()

        # Decoding and parsing run in a thread, so that the worker's heartbeat goes on.
        file = await asyncio.to_thread(lambda: ListFile(fetch, encoding=held.encoding))
        headings = match_headings(await asyncio.to_thread(file.header))
        missing = missing_columns(headings)
        if missing:
            await self._fail("missing-label", labels=missing)
            return
        rows_read = await self._begin(file.delimiter, headings)
        parser = RowParser(headings, self.keys, today=today())
        batches = self._batches(file, parser, skip=rows_read)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            rows_read = await self._store(batch, expected=rows_read)
        await self._finish(rows_read)

    async def _chunk(self, number: int) -> bytes | None:
        async with self._session() as session:
            sealed = await find_chunk(session, self.tenant, self.import_id, number)
        if sealed is None:
            return None
        return self.keys.unseal(sealed, context=chunk_context(self.import_id, number))

    def _batches(self, file: ListFile, parser: RowParser, *, skip: int) -> Iterator[Batch]:
        records = islice(file.records(), skip, None)
        count = skip
        while chosen := list(islice(records, self.settings.import_batch_rows)):
            count += len(chosen)
            if count > self.settings.max_import_rows:
                raise UnreadableFile("too-many-rows")
            parsed = [parser.parse(record, number) for number, record in chosen]
            issues = [issue for _, found in parsed for issue in found]
            yield Batch([row for row, _ in parsed], issues, file.stream.bytes_read)

    async def _begin(self, delimiter: str, headings: Sequence[Heading]) -> int:
        """Enter the stage, and say how many rows an earlier run has read."""
        async with self._session() as session:
            held = await self._locked(session)
            if held.stage is ImportStage.PARSING:
                return held.rows_read
            held.stage = move(held.stage, ImportStage.PARSING)
            held.parsing_at, held.delimiter = clock.now(), delimiter
            await self._store_issues(session, _label_issues(headings))
            return 0

    async def _store(self, batch: Batch, *, expected: int) -> int:
        async with self._session() as session:
            held = await self._locked(session)
            if held.stage is not ImportStage.PARSING or held.rows_read != expected:
                raise Superseded
            place = {"tenant": self.tenant, "import_id": self.import_id}
            await insert_records(session, "import_row", (place | vars(row) for row in batch.rows))
            await self._store_issues(session, batch.issues)
            held.rows_read = expected + len(batch.rows)
            held.rows_bad += sum(not row.is_good for row in batch.rows)
            held.bytes_read = batch.bytes_read
            return held.rows_read

    async def _store_issues(self, session: AsyncSession, issues: Sequence[Issue]) -> None:
        records: Iterator[dict[str, object]] = (
            {
                "tenant": self.tenant,
                "id": uuid7(),
                "import_id": self.import_id,
                "row_number": issue.row_number,
                "column_letters": issue.heading.letters if issue.heading else None,
                "column_label": issue.heading.known_label if issue.heading else None,
                "code": issue.code,
                "severity": issue.severity or severity_of(issue.code),
                # Only what the comparison finds has any.
                "facts": {},
            }
            for issue in issues
        )
        await insert_records(session, "import_issue", records)

    async def _finish(self, rows_read: int) -> None:
        async with self._session() as session:
            held = await self._locked(session)
            if held.stage is not ImportStage.PARSING or held.rows_read != rows_read:
                raise Superseded
            held.stage = move(held.stage, ImportStage.VALIDATED)
            held.rows_total = rows_read
            await defer_stage(session, "compare_import", held)
        log(CampaignsEvent.IMPORT_PARSED, import_id=str(self.import_id), rows=rows_read)

    async def _fail(self, code: str, *, labels: Sequence[str] = ()) -> None:
        async with self._session() as session:
            held = await self._locked(session)
            held.stage = move(held.stage, ImportStage.FAILED)
            held.failed_at, held.failure_code, held.labels = clock.now(), code, list(labels)
            await erase_file(session, held)
        log(CampaignsEvent.IMPORT_FAILED, import_id=str(self.import_id), failure=code)

    async def _locked(self, session: AsyncSession) -> ListImport:
        return await get_import(session, self.import_id, tenant=self.tenant, for_update=True)

    def _session(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.database.write(system=SystemReason.IMPORT, tenant=self.tenant)


async def read_again(session: AsyncSession, held: ListImport) -> None:
    """Back to the sealed file: PostgreSQL crashed and emptied the unlogged staging table."""
    log(CampaignsEvent.IMPORT_STAGING_LOST, import_id=str(held.id))
    for table in (ImportIssue, ImportRow):
        await session.exec(
            delete(table).where(col(table.tenant) == held.tenant, col(table.import_id) == held.id)
        )
    held.stage = move(held.stage, ImportStage.PARSING)
    held.rows_read = held.rows_bad = held.bytes_read = 0
    held.rows_total = None
    await defer_stage(session, "parse_import", held)


def _label_issues(headings: Sequence[Heading]) -> list[Issue]:
    repeated = [Issue(1, "duplicate-label", item) for item in headings if item.is_repeated]
    unknown = [
        Issue(1, "extra-label", item) for item in headings if item.column is None and item.label
    ]
    return repeated + unknown
