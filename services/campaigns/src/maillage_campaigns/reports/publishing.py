"""Publishing: each mutuality contributes its counts, then the sums are suppressed and frozen.

Periods follow one another without overlap and are never published twice, so no two tables can be
subtracted to find what happened in between.
"""

import asyncio
from collections import defaultdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.events import AuditEvent, CampaignsEvent
from maillage_campaigns.models import (
    Campaign,
    Contribution,
    Mutuality,
    Publication,
    PublishedCell,
)
from maillage_campaigns.reports.contributing import ROWS, TABLES, contribute
from maillage_campaigns.reports.suppression import Cell, suppress
from maillage_common import clock
from maillage_common.audit import AuditTrail, SystemReason
from maillage_common.database import Database
from maillage_common.errors import NotFound
from maillage_common.events import log
from maillage_common.jobs import defer


async def begin_publication(
    session: AsyncSession, audit: AuditTrail, campaign_id: UUID, *, threshold: int
) -> Publication:
    """Fix the period (from the last publication until now) and let the job do the rest."""
    campaign = (
        await session.exec(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
    ).first()
    if campaign is None:
        raise NotFound
    last: datetime | None = (
        await session.exec(
            select(func.max(Publication.until_at)).where(Publication.campaign_id == campaign_id)
        )
    ).one()
    publication = Publication.model_validate(
        {
            "campaign_id": campaign_id,
            "from_at": last or campaign.created_at,
            "until_at": clock.now(),
            "threshold": threshold,
        }
    )
    session.add(publication)
    await session.flush()
    await defer(session, "publish_tables", awaited=True, publication_id=str(publication.id))
    audit.record(AuditEvent.TABLES_PUBLISHED, entity="publication", entity_id=publication.id)
    return publication


async def publish(database: Database, publication_id: UUID) -> None:
    """Gather every mutuality's counts, then publish them in one transaction. Idempotent."""
    async with database.write(system=SystemReason.CLOCK) as session:
        publication = await session.get_one(Publication, publication_id)
        tenants = (await session.exec(select(Mutuality.tenant))).all()
    if publication.published_at is not None:
        return
    for tenant in tenants:
        async with database.write(system=SystemReason.CLOCK, tenant=tenant) as session:
            await contribute(session, publication, tenant=tenant)
    async with database.write(system=SystemReason.CLOCK) as session:
        locked = await session.get_one(Publication, publication_id, with_for_update=True)
        if locked.published_at is None:
            await _freeze(session, locked)
    log(CampaignsEvent.PUBLISHED, publication_id=str(publication_id))


async def _freeze(session: AsyncSession, publication: Publication) -> None:
    rows = await session.exec(
        select(
            Contribution.table_name,
            Contribution.row_code,
            Contribution.column_code,
            func.sum(Contribution.count),
        )
        .where(Contribution.publication_id == publication.id)
        .group_by(
            col(Contribution.table_name), col(Contribution.row_code), col(Contribution.column_code)
        )
    )
    tables: dict[str, dict[Cell, int]] = defaultdict(dict)
    for name, row, column, count in rows.all():
        tables[name][row, column] = int(count)
    for name, table in TABLES.items():
        # Takes seconds where many needs are named; the worker's other jobs go on.
        cells = await asyncio.to_thread(
            suppress,
            tables[name],
            threshold=publication.threshold,
            rows=ROWS,
            columns=table.columns,
            total_column=table.once,
        )
        session.add_all(
            PublishedCell(
                publication_id=publication.id,
                table_name=name,
                row_code=row,
                column_code=column,
                count=count,
            )
            for (row, column), count in cells.items()
        )
    await session.exec(
        delete(Contribution).where(col(Contribution.publication_id) == publication.id)
    )
    publication.published_at = clock.now()
