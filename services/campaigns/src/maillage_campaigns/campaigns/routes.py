"""/campaigns and a mutuality's participation in one."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from maillage_campaigns.campaigns import queries, service
from maillage_campaigns.campaigns.schemas import (
    CampaignChange,
    CampaignNew,
    CampaignPublic,
    ParticipationPublic,
    ParticipationSet,
)
from maillage_campaigns.tenancy import (
    CALL,
    LISTS,
    MANAGE,
    REPORT,
    refuse_mixed_scopes,
    tenant_of,
)
from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page
from maillage_common.preconditions import IfMatch, etag

router = maillage_router(prefix="/campaigns/v1/campaigns", tags=["campaigns"])

CampaignManager = Annotated[Caller, requires(MANAGE)]
Insider = Annotated[Caller, requires(MANAGE, LISTS, CALL, REPORT)]
BackOffice = Annotated[Caller, requires(LISTS)]
TenantMember = Annotated[Caller, requires(LISTS, CALL)]


@router.post("", status_code=201)
async def create_campaign(
    new: CampaignNew,
    caller: CampaignManager,
    session: WriteSession,
    audit: Audit,
    response: Response,
) -> CampaignPublic:
    """Open a campaign for all mutualities. It holds no person."""
    refuse_mixed_scopes(caller)
    campaign = await service.create_campaign(session, audit, new)
    response.headers["ETag"] = etag(campaign.version)
    response.headers["Location"] = f"/campaigns/v1/campaigns/{campaign.id}"
    return CampaignPublic.model_validate(campaign)


@router.get("")
async def list_campaigns(
    caller: Insider,
    session: ReadSession,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[CampaignPublic]:
    """Campaigns, newest first."""
    return await queries.list_campaigns(session, cursors, limit=limit, cursor=cursor)


@router.get("/{campaign_id}")
async def read_campaign(
    campaign_id: UUID, caller: Insider, session: ReadSession, response: Response
) -> CampaignPublic:
    """One campaign, with its opening and calling rules."""
    campaign = await queries.get_campaign(session, campaign_id)
    response.headers["ETag"] = etag(campaign.version)
    return CampaignPublic.model_validate(campaign)


@router.patch("/{campaign_id}")
async def change_campaign(
    campaign_id: UUID,
    change: CampaignChange,
    caller: CampaignManager,
    session: WriteSession,
    audit: Audit,
    response: Response,
    if_match: IfMatch = None,
) -> CampaignPublic:
    """Change what is given; applies from the next lease on."""
    refuse_mixed_scopes(caller)
    campaign = await service.change_campaign(session, audit, campaign_id, change, if_match=if_match)
    response.headers["ETag"] = etag(campaign.version)
    return CampaignPublic.model_validate(campaign)


@router.put("/{campaign_id}/participation")
async def take_part(
    campaign_id: UUID,
    given: ParticipationSet,
    caller: BackOffice,
    session: WriteSession,
    audit: Audit,
    response: Response,
    if_match: IfMatch = None,
) -> ParticipationPublic:
    """Take part with one's own mutuality, or change how it presents itself (then with If-Match)."""
    held = await service.take_part(
        session, audit, campaign_id, given, tenant=tenant_of(caller), if_match=if_match
    )
    response.headers["ETag"] = etag(held.version)
    return ParticipationPublic.model_validate(held)


@router.get("/{campaign_id}/participation")
async def read_participation(
    campaign_id: UUID, caller: TenantMember, session: WriteSession, response: Response
) -> ParticipationPublic:
    """The caller's own mutuality's participation."""
    held = await service.get_participation(session, campaign_id, tenant=tenant_of(caller))
    response.headers["ETag"] = etag(held.version)
    return ParticipationPublic.model_validate(held)
