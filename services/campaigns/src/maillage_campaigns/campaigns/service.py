"""Making and changing campaigns; taking part in one."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.campaigns.queries import find_participation, get_campaign
from maillage_campaigns.campaigns.schemas import CampaignChange, CampaignNew, ParticipationSet
from maillage_campaigns.events import AuditEvent
from maillage_campaigns.models import Campaign, Participation
from maillage_campaigns.tenancy import note_tenant
from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.errors import FieldError, InvalidRequest, NotFound
from maillage_common.preconditions import check_if_match


async def create_campaign(session: AsyncSession, audit: AuditTrail, new: CampaignNew) -> Campaign:
    campaign = Campaign.model_validate(
        {
            "title": new.title,
            "theme": new.theme,
            "opening": new.opening,
            "starts_on": new.starts_on,
            "ends_on": new.ends_on,
            "rules": new.rules.model_dump(mode="json"),
        }
    )
    session.add(campaign)
    audit.record(AuditEvent.CAMPAIGN_CREATED, entity="campaign", entity_id=campaign.id)
    await session.flush()
    return campaign


async def change_campaign(
    session: AsyncSession,
    audit: AuditTrail,
    campaign_id: UUID,
    change: CampaignChange,
    *,
    if_match: str | None,
) -> Campaign:
    campaign = await get_campaign(session, campaign_id, for_update=True)
    check_if_match(if_match, campaign.version)
    given = change.model_dump(mode="json", exclude_none=True)
    for name in given:
        value = getattr(change, name)
        setattr(campaign, name, given[name] if name == "rules" else value)
    if campaign.ends_on < campaign.starts_on:
        fault = FieldError("ends_before_it_starts", "Give a later day.", pointer="/ends_on")
        raise InvalidRequest("See `errors` for each field.", errors=[fault])
    campaign.version += 1
    campaign.updated_at = clock.now()
    audit.record(
        AuditEvent.CAMPAIGN_CHANGED,
        entity="campaign",
        entity_id=campaign.id,
        changes={"fields": sorted(given)},
    )
    await session.flush()
    return campaign


async def take_part(
    session: AsyncSession,
    audit: AuditTrail,
    campaign_id: UUID,
    given: ParticipationSet,
    *,
    tenant: str,
    if_match: str | None,
) -> Participation:
    """Join the campaign, or say anew how the mutuality presents itself (then with If-Match)."""
    await get_campaign(session, campaign_id)
    await note_tenant(session, tenant)
    held = await find_participation(session, tenant, campaign_id)
    if held is None:
        held = Participation.model_validate(
            {"tenant": tenant, "campaign_id": campaign_id, **given.model_dump()}
        )
        event = AuditEvent.PARTICIPATION_STARTED
    else:
        check_if_match(if_match, held.version)
        held.caller_name = given.caller_name
        held.ring_back_number = given.ring_back_number
        held.version += 1
        event = AuditEvent.PARTICIPATION_CHANGED
    session.add(held)
    audit.record(event, entity="campaign", entity_id=campaign_id)
    await session.flush()
    return held


async def get_participation(
    session: AsyncSession, campaign_id: UUID, *, tenant: str
) -> Participation:
    held = await find_participation(session, tenant, campaign_id)
    if held is None:
        raise NotFound
    return held
