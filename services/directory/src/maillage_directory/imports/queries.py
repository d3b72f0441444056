"""Imports as stored: found, listed, followed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.columns import uuid7
from maillage_common.errors import NotFound
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_directory.imports.schemas import ImportRow, RowParams
from maillage_directory.loading.outcome import Rejected, Run
from maillage_directory.models.imports import ImportChunk, ImportFinding, RecordImport
from maillage_directory.projection import as_array
from maillage_directory.visibility import Layer


async def get_import(
    session: AsyncSession, import_id: UUID, layer: Layer | None, *, for_update: bool = False
) -> RecordImport:
    """An import of the caller's organization, or any for `directory:admin` (`layer` None: ours)."""
    query = select(RecordImport).where(RecordImport.id == import_id)
    if layer is not None and not layer.is_admin:
        query = query.where(
            col(RecordImport.organization_id).is_not(None),
            RecordImport.organization_id == layer.organization,
        )
    found = (await session.exec(query.with_for_update() if for_update else query)).first()
    if found is None:
        raise NotFound
    return found


async def find_chunk(session: AsyncSession, import_id: UUID, number: int) -> bytes | None:
    found = await session.exec(
        select(ImportChunk.content).where(
            ImportChunk.import_id == import_id, ImportChunk.number == number
        )
    )
    return found.first()


async def erase_file(session: AsyncSession, import_id: UUID) -> None:
    await session.exec(delete(ImportChunk).where(col(ImportChunk.import_id) == import_id))


async def erase_findings(session: AsyncSession, import_id: UUID) -> None:
    await session.exec(delete(ImportFinding).where(col(ImportFinding.import_id) == import_id))


def note_findings(session: AsyncSession, import_id: UUID, faults: Sequence[Rejected]) -> None:
    session.add_all(
        ImportFinding(
            id=uuid7(),
            import_id=import_id,
            line=fault.line,
            field=fault.field[:300],
            code=fault.code,
            severity=fault.severity,
            detail=fault.detail[:500],
            near=list(fault.near),
        )
        for fault in faults
    )


async def list_rows(
    session: AsyncSession, cursors: Cursors, import_id: UUID, params: RowParams
) -> Page[ImportRow]:
    """The row report, in the order of the file."""
    fingerprint = ["rows", str(import_id), params.severity]
    query = (
        select(ImportFinding)
        .where(ImportFinding.import_id == import_id)
        .order_by(col(ImportFinding.line), col(ImportFinding.id))
        .limit(params.limit + 1)
    )
    if params.severity is not None:
        query = query.where(ImportFinding.severity == params.severity)
    if params.cursor is not None:
        line, last = cursors.decode(params.cursor, query=fingerprint)
        query = query.where(
            (col(ImportFinding.line) > line)
            | ((col(ImportFinding.line) == line) & (col(ImportFinding.id) > UUID(last)))
        )
    shown, next_cursor = cut_page(
        (await session.exec(query)).all(),
        params.limit,
        key=lambda finding: [finding.line, str(finding.id)],
        cursors=cursors,
        query=fingerprint,
    )
    return Page(
        items=[ImportRow.model_validate(finding) for finding in shown], next_cursor=next_cursor
    )


# What the sources of this run have here, and the file did not name.
_MISSING = """
SELECT r.resource_id, r.resource_type, r.source, r.sort_name
FROM card r
WHERE r.source = ANY (CAST(:sources AS text[]))
    AND (CAST(:only_for AS uuid[]) IS NULL OR r.organization_id = ANY (CAST(:only_for AS uuid[])))
    AND r.resource_type = ANY (CAST(:kinds AS text[]))
    AND NOT EXISTS (SELECT FROM unnest(CAST(:seen AS uuid[])) AS s(id) WHERE s.id = r.resource_id)
"""
_FLAG = f"""
WITH missing AS ({_MISSING}), flagged AS (
    INSERT INTO source_absence (resource_id, resource_type, source, missing_since)
    SELECT resource_id, resource_type, source, :now FROM missing
    ON CONFLICT (resource_id) DO NOTHING
), back AS (
    DELETE FROM source_absence a
    USING unnest(CAST(:seen AS uuid[])) AS s(id) WHERE s.id = a.resource_id
)
SELECT count(*) FROM missing
"""  # noqa: S608
_NOTE_MISSING = f"""
INSERT INTO import_finding (id, import_id, line, field, code, severity, detail, near)
SELECT gen_random_uuid(), :import_id, 0, resource_type || '/' || resource_id, 'missing_from_file',
    'info', 'Its source had it before; the file has not. It is kept.', '{{}}'
FROM ({_MISSING}) missing ORDER BY sort_name
"""  # noqa: S608


async def flag_missing(
    session: AsyncSession, held: RecordImport, run: Run, kinds: Sequence[str], now: Any
) -> int:
    """Note, and unless the run is dry flag, what the file lacks; take the flag from what it has."""
    connection = await session.connection()
    asked = {
        "sources": sorted(run.sources),
        "only_for": None if run.only_for is None else sorted(run.only_for),
        "seen": as_array(run.lines),
        "kinds": list(kinds),
    }
    await connection.execute(text(_NOTE_MISSING), {**asked, "import_id": held.id})
    counting = f"SELECT count(*) FROM ({_MISSING}) missing"  # noqa: S608
    statement = counting if run.is_dry else _FLAG
    given = asked if run.is_dry else {**asked, "now": now}
    return int((await connection.execute(text(statement), given)).scalar_one())
