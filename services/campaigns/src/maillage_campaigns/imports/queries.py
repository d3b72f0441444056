"""Reading imports. Everything here runs in a session of one tenant."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.imports.lifecycle import LIVE_OR_DONE
from maillage_campaigns.imports.messages import messages_of
from maillage_campaigns.imports.schemas import RowIssue
from maillage_campaigns.models import ImportChunk, ImportIssue, ListImport, Severity
from maillage_common.errors import NotFound
from maillage_common.pagination import Cursors, Page, cut_page


async def get_import(
    session: AsyncSession, import_id: UUID, *, tenant: str, for_update: bool = False
) -> ListImport:
    query = select(ListImport).where(ListImport.tenant == tenant, ListImport.id == import_id)
    if for_update:
        query = query.with_for_update()
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound
    return found


async def find_same_content(
    session: AsyncSession, tenant: str, campaign_id: UUID, content_key: bytes
) -> ListImport | None:
    """The live or done import of the same bytes, once no other push of them is in flight."""
    await (await session.connection()).execute(
        text("SELECT pg_advisory_xact_lock(:key)"),
        {"key": int.from_bytes(content_key[:8], signed=True)},
    )
    return (
        await session.exec(
            select(ListImport).where(
                ListImport.tenant == tenant,
                ListImport.campaign_id == campaign_id,
                ListImport.content_key == content_key,
                col(ListImport.stage).in_(LIVE_OR_DONE),
            )
        )
    ).first()


async def find_chunk(
    session: AsyncSession, tenant: str, import_id: UUID, number: int
) -> bytes | None:
    return (
        await session.exec(
            select(ImportChunk.sealed).where(
                ImportChunk.tenant == tenant,
                ImportChunk.import_id == import_id,
                ImportChunk.number == number,
            )
        )
    ).first()


async def list_issues(
    session: AsyncSession,
    cursors: Cursors,
    import_id: UUID,
    *,
    tenant: str,
    severity: Severity | None,
    limit: int,
    cursor: str | None,
) -> Page[RowIssue]:
    """The row report by spreadsheet row."""
    fingerprint = ["rows", str(import_id), severity]
    query = (
        select(ImportIssue)
        .where(ImportIssue.tenant == tenant, ImportIssue.import_id == import_id)
        .order_by(col(ImportIssue.row_number), col(ImportIssue.id))
        .limit(limit + 1)
    )
    if severity is not None:
        query = query.where(ImportIssue.severity == severity)
    if cursor is not None:
        row, last = cursors.decode(cursor, query=fingerprint)
        query = query.where(
            (col(ImportIssue.row_number) > row)
            | ((col(ImportIssue.row_number) == row) & (col(ImportIssue.id) > UUID(last)))
        )
    shown, next_cursor = cut_page(
        (await session.exec(query)).all(),
        limit,
        key=lambda issue: [issue.row_number, str(issue.id)],
        cursors=cursors,
        query=fingerprint,
    )
    return Page(items=[_row_issue(issue) for issue in shown], next_cursor=next_cursor)


def _row_issue(issue: ImportIssue) -> RowIssue:
    return RowIssue(
        row=issue.row_number,
        column=issue.column_letters,
        label=issue.column_label,
        code=issue.code,
        severity=issue.severity,
        messages=messages_of(issue.code, issue.facts),
    )
