"""Reading what is published; and a mutuality's own progress."""

from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.models import Campaign, Publication, PublishedCell
from maillage_campaigns.reports.aapor import outcome_rates
from maillage_campaigns.reports.contributing import TABLES
from maillage_campaigns.reports.schemas import (
    CellPublic,
    ContactabilityItem,
    ProgressPublic,
    PublicationPublic,
    RatePublic,
    ReportPublic,
    TablePublic,
)
from maillage_campaigns.reports.suppression import TOTAL
from maillage_campaigns.results import AaporClass
from maillage_common.errors import NotFound
from maillage_common.pagination import Cursors, Page, cut_page

_PROGRESS = (
    "SELECT count(*) AS cases,"
    " count(*) FILTER (WHERE attempts = 0 AND closed_at IS NULL) AS untried,"
    " count(*) FILTER (WHERE attempts > 0 AND closed_at IS NULL) AS in_progress,"
    " count(*) FILTER (WHERE closed_at IS NOT NULL) AS closed,"
    " COALESCE(sum(attempts), 0) AS attempts,"
    " min(created_at) FILTER (WHERE attempts = 0 AND closed_at IS NULL) AS never_called_since"
    " FROM call_case WHERE tenant = :tenant AND campaign_id = :campaign_id"
)
_OBJECTED = (
    "(SELECT min(o.recorded_at) FROM objection o WHERE o.tenant = p.tenant"
    " AND o.withdrawn_at IS NULL AND (o.scope = 'all' OR o.campaign_id = c.campaign_id"
    "  OR o.theme = g.theme)"
    " AND (o.person_key = p.person_key OR o.phone_key IN (SELECT n.phone_key FROM person_phone n"
    "  WHERE n.tenant = p.tenant AND n.person_id = p.id)))"
)
_FAILED = (
    "(SELECT max(n.failed_at) FROM person_phone n WHERE n.tenant = p.tenant AND n.person_id = p.id"
    " HAVING count(*) = count(n.failed_at))"
)
_CONTACTABILITY = (
    "SELECT * FROM (SELECT c.id, c.campaign_id, c.import_id, c.row_number, p.deceased_at,"  # noqa: S608
    f" p.moved_at, {_FAILED} AS failed_at, {_OBJECTED} AS objected_at"
    " FROM call_case c JOIN person p ON p.tenant = c.tenant AND p.id = c.person_id"
    " JOIN campaign g ON g.id = c.campaign_id"
    " WHERE c.tenant = :tenant AND c.id > :after) known"
    " WHERE deceased_at IS NOT NULL OR moved_at IS NOT NULL OR failed_at IS NOT NULL"
    " OR objected_at IS NOT NULL ORDER BY id LIMIT :limit"
)


async def get_publication(session: AsyncSession, publication_id: UUID) -> Publication:
    found = await session.get(Publication, publication_id)
    if found is None:
        raise NotFound
    return found


async def list_publications(
    session: AsyncSession,
    cursors: Cursors,
    *,
    campaign_id: UUID | None,
    limit: int,
    cursor: str | None,
) -> Page[PublicationPublic]:
    """Newest first."""
    fingerprint = ["tables", str(campaign_id)]
    query = select(Publication).order_by(col(Publication.id).desc()).limit(limit + 1)
    if campaign_id is not None:
        query = query.where(Publication.campaign_id == campaign_id)
    if cursor is not None:
        [last] = cursors.decode(cursor, query=fingerprint)
        query = query.where(col(Publication.id) < UUID(last))
    shown, next_cursor = cut_page(
        (await session.exec(query)).all(),
        limit,
        key=lambda publication: [str(publication.id)],
        cursors=cursors,
        query=fingerprint,
    )
    return Page(
        items=[PublicationPublic.model_validate(publication) for publication in shown],
        next_cursor=next_cursor,
    )


async def get_report(
    session: AsyncSession, campaign_id: UUID, publication_id: UUID | None
) -> ReportPublic:
    """The latest publication of the campaign, or the one named."""
    if await session.get(Campaign, campaign_id) is None:
        raise NotFound
    query = (
        select(Publication)
        .where(Publication.campaign_id == campaign_id, col(Publication.published_at).is_not(None))
        .order_by(col(Publication.until_at).desc())
        .limit(1)
    )
    if publication_id is not None:
        query = query.where(Publication.id == publication_id)
    publication = (await session.exec(query)).first()
    if publication is None:
        raise NotFound("Nothing is published yet.")
    return await describe_publication(session, publication)


async def describe_publication(session: AsyncSession, publication: Publication) -> ReportPublic:
    cells = (
        await session.exec(
            select(PublishedCell)
            .where(PublishedCell.publication_id == publication.id)
            .order_by(
                col(PublishedCell.table_name),
                col(PublishedCell.row_code),
                col(PublishedCell.column_code),
            )
        )
    ).all()
    tables = [
        TablePublic(name=name, counts=TABLES[name].counts, cells=[_cell(cell) for cell in group])
        for name, group in groupby(cells, key=lambda cell: cell.table_name)
    ]
    totals = {
        cell.column_code: cell.count
        for cell in cells
        if cell.table_name == "dispositions" and cell.row_code == TOTAL
    }
    # A class that is not named is within `other`: as untold as a suppressed one.
    classes = {aapor_class: totals.get(aapor_class) for aapor_class in AaporClass}
    return ReportPublic(
        campaign_id=publication.campaign_id,
        publication=PublicationPublic.model_validate(publication),
        tables=tables,
        rates=[
            RatePublic(
                name=name,
                numerator=rate.value.numerator if rate.value is not None else None,
                denominator=rate.value.denominator if rate.value is not None else None,
                value=float(rate.value) if rate.value is not None else None,
                is_suppressed=rate.is_suppressed,
            )
            for name, rate in outcome_rates(classes).items()
        ],
    )


def _cell(cell: PublishedCell) -> CellPublic:
    return CellPublic(
        row=cell.row_code,
        column=cell.column_code,
        count=cell.count,
        is_suppressed=cell.count is None,
    )


async def get_progress(session: AsyncSession, campaign_id: UUID, *, tenant: str) -> ProgressPublic:
    if await session.get(Campaign, campaign_id) is None:
        raise NotFound
    found = await (await session.connection()).execute(
        text(_PROGRESS), {"tenant": tenant, "campaign_id": campaign_id}
    )
    return ProgressPublic.model_validate(dict(found.mappings().one()))


async def list_contactability(
    session: AsyncSession, cursors: Cursors, *, tenant: str, limit: int, cursor: str | None
) -> Page[ContactabilityItem]:
    """By case, oldest first."""
    after = UUID(int=0)
    if cursor is not None:
        after = UUID(cursors.decode(cursor, query="contactability")[0])
    found = await (await session.connection()).execute(
        text(_CONTACTABILITY), {"tenant": tenant, "after": after, "limit": limit + 1}
    )
    shown, next_cursor = cut_page(
        found.all(),
        limit,
        key=lambda row: [str(row.id)],
        cursors=cursors,
        query="contactability",
    )
    return Page(items=[_contactability(row) for row in shown], next_cursor=next_cursor)


def _contactability(row: Any) -> ContactabilityItem:
    reasons = {
        "deceased": row.deceased_at,
        "moved": row.moved_at,
        "objection": row.objected_at,
        "wrong_number": row.failed_at,
    }
    reason, since = next((name, at) for name, at in reasons.items() if at is not None)
    return ContactabilityItem.model_validate(
        {
            "case_id": row.id,
            "campaign_id": row.campaign_id,
            "import_id": row.import_id,
            "row": row.row_number,
            "reason": reason,
            "since": since,
        }
    )
