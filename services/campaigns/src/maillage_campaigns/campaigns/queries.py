"""Reading campaigns (shared) and participations (the caller's own, by row-level security)."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.campaigns.schemas import CampaignPublic
from maillage_campaigns.models import Campaign, Participation
from maillage_common.errors import NotFound
from maillage_common.pagination import Cursors, Page, cut_page


async def get_campaign(
    session: AsyncSession, campaign_id: UUID, *, for_update: bool = False
) -> Campaign:
    query = select(Campaign).where(Campaign.id == campaign_id)
    if for_update:
        query = query.with_for_update()
    campaign = (await session.exec(query)).first()
    if campaign is None:
        raise NotFound
    return campaign


async def list_campaigns(
    session: AsyncSession, cursors: Cursors, *, limit: int, cursor: str | None
) -> Page[CampaignPublic]:
    """Newest first; ids are time-ordered, so a campaign made meanwhile moves no page."""
    query = select(Campaign).order_by(col(Campaign.id).desc()).limit(limit + 1)
    if cursor is not None:
        [last] = cursors.decode(cursor, query="campaigns")
        query = query.where(Campaign.id < UUID(last))
    shown, next_cursor = cut_page(
        (await session.exec(query)).all(),
        limit,
        key=lambda campaign: [str(campaign.id)],
        cursors=cursors,
        query="campaigns",
    )
    return Page(
        items=[CampaignPublic.model_validate(campaign) for campaign in shown],
        next_cursor=next_cursor,
    )


async def find_participation(
    session: AsyncSession, tenant: str, campaign_id: UUID
) -> Participation | None:
    return (
        await session.exec(
            select(Participation)
            .where(Participation.tenant == tenant, Participation.campaign_id == campaign_id)
            .with_for_update()
        )
    ).first()
