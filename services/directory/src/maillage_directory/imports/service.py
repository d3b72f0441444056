"""Receiving a file, deciding after a dry run, saying how far it is."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.columns import uuid7
from maillage_common.jobs import defer
from maillage_directory.errors import EmptyFile, FileTooLarge, ImportNotWaiting
from maillage_directory.events import AuditEvent
from maillage_directory.imports.lifecycle import ImpossibleMove, move
from maillage_directory.imports.queries import erase_file, erase_findings, get_import
from maillage_directory.imports.schemas import ImportCounts, ImportParams, ImportPublic
from maillage_directory.models.imports import ImportChunk, ImportStage, RecordImport
from maillage_directory.visibility import Layer

CHUNK_BYTES = 1 << 20
JOB = "import_records"
KEPT_FOR = timedelta(days=7)


async def receive_file(
    session: AsyncSession,
    audit: AuditTrail,
    params: ImportParams,
    body: AsyncIterator[bytes],
    *,
    layer: Layer,
    only_for: frozenset[UUID] | None,
    max_bytes: int,
) -> RecordImport:
    """Store the body piece by piece, then leave it to a job; raises EmptyFile, FileTooLarge."""
    held = RecordImport(
        id=uuid7(),
        format=params.format,
        stage=ImportStage.RECEIVED,
        source=params.source,
        is_dry_run=params.dry_run,
        is_complete=params.complete,
        organization_id=layer.organization,
        only_for=None if only_for is None else sorted(only_for),
        byte_count=0,
    )
    session.add(held)
    await session.flush()
    held.byte_count = await _store(session, held.id, body, max_bytes)
    await defer(session, JOB, lock=f"import:{held.id}", awaited=True, import_id=str(held.id))
    audit.record(AuditEvent.IMPORT_RECEIVED, entity="import", entity_id=held.id)
    return held


async def _store(
    session: AsyncSession, import_id: UUID, body: AsyncIterator[bytes], max_bytes: int
) -> int:
    pending, received, number = bytearray(), 0, 0
    async for data in body:
        received += len(data)
        if received > max_bytes:
            raise FileTooLarge(f"Send at most {max_bytes} bytes; split the file.")
        pending += data
        while len(pending) >= CHUNK_BYTES:
            await _keep(session, import_id, number, bytes(pending[:CHUNK_BYTES]))
            del pending[:CHUNK_BYTES]
            number += 1
    if not received:
        raise EmptyFile("Send the file as the body.")
    if pending:
        await _keep(session, import_id, number, bytes(pending))
    return received


async def _keep(session: AsyncSession, import_id: UUID, number: int, content: bytes) -> None:
    chunk = ImportChunk(import_id=import_id, number=number, content=content)
    session.add(chunk)
    await session.flush()
    # Or the session would hold the whole file until it commits.
    session.expunge(chunk)


async def decide(
    session: AsyncSession, audit: AuditTrail, import_id: UUID, decision: str, *, layer: Layer
) -> RecordImport:
    """Apply what a dry run checked, or forget the file."""
    held = await get_import(session, import_id, layer, for_update=True)
    try:
        if decision == "cancel":
            held.stage = move(held.stage, ImportStage.CANCELLED)
            held.ended_at = clock.now()
            await erase_file(session, held.id)
            return held
        held.stage = move(held.stage, ImportStage.RECEIVED)
    except ImpossibleMove:
        raise ImportNotWaiting("Only a dry run that is checked waits for a decision.") from None
    held.is_dry_run = False
    await erase_findings(session, held.id)
    await defer(session, JOB, lock=f"import:{held.id}", awaited=True, import_id=str(held.id))
    audit.record(AuditEvent.IMPORT_APPLIED, entity="import", entity_id=held.id)
    return held


async def erase_undecided(session: AsyncSession, *, before: datetime) -> None:
    """Cancel the dry runs that ended before then and that nobody decided about."""
    waiting = await session.exec(
        select(RecordImport)
        .where(RecordImport.stage == ImportStage.CHECKED, col(RecordImport.ended_at) < before)
        .with_for_update(skip_locked=True)
    )
    for held in waiting.all():
        held.stage = move(held.stage, ImportStage.CANCELLED)
        await erase_file(session, held.id)


def describe(held: RecordImport) -> ImportPublic:
    return ImportPublic(
        id=held.id,
        format=held.format,
        stage=held.stage,
        dry_run=held.is_dry_run,
        byte_count=held.byte_count,
        lines_done=held.lines_done,
        lines_total=held.lines_total,
        counts=ImportCounts.model_validate(held.counts),
        failure_code=held.failure_code,
        received_at=held.received_at,
        ended_at=held.ended_at,
    )
