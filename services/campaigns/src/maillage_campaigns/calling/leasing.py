"""Leasing the next person; holding, extending and releasing a lease."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.calling import queries
from maillage_campaigns.calling.claim import CLAIM_NEXT, WHY_NOBODY
from maillage_campaigns.calling.presenting import describe_lease, is_live
from maillage_campaigns.calling.schemas import (
    LeasePublic,
    LeaseWanted,
    NobodyLeft,
    WaitingReason,
)
from maillage_campaigns.calling.windows import is_open, local_time, next_opening
from maillage_campaigns.errors import CampaignClosed, LeaseEnded, LeaseLimit, StaleFencingToken
from maillage_campaigns.events import AuditEvent, CampaignsEvent
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Campaign, Counsellor, Lease, Person
from maillage_campaigns.rules import CallingRules
from maillage_campaigns.tenancy import tenant_of
from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.dates import day_of
from maillage_common.errors import NotFound
from maillage_common.events import log

# The region's two languages: what a counsellor who never said otherwise is taken to speak.
DEFAULT_LANGUAGES = ["fr", "nl"]
LONGEST_LEASE = timedelta(hours=2)
# A closed loop stays in sight for a while, so that whoever called learns how it ended.
SEEN_AFTER_CLOSURE = timedelta(days=30)


@dataclass(frozen=True)
class Desk:
    """Whose call it is: the counsellor, their mutuality's keys, how long a lease lasts."""

    caller: Caller
    keys: TenantKeys
    lease_lasts: timedelta

    @property
    def tenant(self) -> str:
        return tenant_of(self.caller)


async def lease_next(
    session: AsyncSession, audit: AuditTrail, desk: Desk, wanted: LeaseWanted
) -> LeasePublic | NobodyLeft:
    """The next person for this counsellor, or why there is none."""
    campaign = await queries.get_campaign(session, wanted.campaign_id)
    now = clock.now()
    if not campaign.starts_on <= day_of(now) <= campaign.ends_on:
        raise CampaignClosed("Nobody is called before the first or after the last day.")
    rules = CallingRules.model_validate(campaign.rules)
    scope = {
        "tenant": desk.tenant,
        "campaign_id": campaign.id,
        "theme": campaign.theme,
        "counsellor": desk.caller.subject,
        "languages": await _languages(session, desk, wanted),
        "with_interpreter": wanted.with_interpreter,
        "local_time": local_time(now),
        "max_attempts": rules.max_attempts,
        "now": now,
        "expires_at": now + desk.lease_lasts,
        "lease_id": uuid7(),
    }
    connection = await session.connection()
    if is_open(rules, now):
        claimed = (await connection.execute(text(CLAIM_NEXT), scope)).first()
        if claimed is not None:
            return await _granted(session, audit, desk, campaign, claimed.id)
    return await _nobody(session, rules, scope)


async def _granted(
    session: AsyncSession, audit: AuditTrail, desk: Desk, campaign: Campaign, lease_id: UUID
) -> LeasePublic:
    lease = await queries.get_lease(
        session, lease_id, tenant=desk.tenant, counsellor=desk.caller.subject
    )
    audit.record(
        AuditEvent.PERSON_LEASED,
        entity="lease",
        entity_id=lease.id,
        subject=str(lease.person_id),
        purpose="call",
    )
    log(CampaignsEvent.LEASE_GRANTED, campaign_id=str(campaign.id))
    return await describe_lease(session, desk.keys, lease, campaign)


async def _nobody(
    session: AsyncSession, rules: CallingRules, scope: dict[str, object]
) -> NobodyLeft:
    rows = (await (await session.connection()).execute(text(WHY_NOBODY), scope)).all()
    waits = ("not_due", "leased", "preferred_hours", "outside_calling_hours")
    dues = [row.due_at for row in rows if row.reason in waits]
    next_due = None
    if dues:
        next_due = next_opening(rules, max(min(dues), clock.now()))
    return NobodyLeft(
        reasons=[WaitingReason(reason=row.reason, count=row.count) for row in rows],
        next_due_at=next_due,
    )


async def _languages(session: AsyncSession, desk: Desk, wanted: LeaseWanted) -> list[str]:
    subject = desk.caller.subject
    if wanted.languages is None:
        known = await queries.find_languages(session, desk.tenant, subject)
        return known or DEFAULT_LANGUAGES
    given = {"languages": wanted.languages, "updated_at": clock.now()}
    await session.exec(
        insert(Counsellor)
        .values(tenant=desk.tenant, subject=subject, **given)
        .on_conflict_do_update(index_elements=["tenant", "subject"], set_=given)
    )
    return wanted.languages


async def read_lease(
    session: AsyncSession, audit: AuditTrail, desk: Desk, lease_id: UUID
) -> LeasePublic:
    """The counsellor's own lease while it is live or something of it is still open."""
    lease = await queries.get_lease(
        session, lease_id, tenant=desk.tenant, counsellor=desk.caller.subject
    )
    if not await _is_open(session, lease):
        raise NotFound
    audit.record(
        AuditEvent.PERSON_READ,
        entity="lease",
        entity_id=lease.id,
        subject=str(lease.person_id),
        purpose="call",
    )
    campaign = await queries.get_campaign(session, lease.campaign_id)
    return await describe_lease(session, desk.keys, lease, campaign)


async def _is_open(session: AsyncSession, lease: Lease) -> bool:
    if is_live(lease):
        return True
    case = await queries.get_case(session, lease)
    if case.callback_by == lease.counsellor and case.callback_at is not None:
        return True
    since = clock.now() - SEEN_AFTER_CLOSURE
    return any(
        orientation.counsellor == lease.counsellor
        and (orientation.answered_at is None or orientation.answered_at > since)
        for orientation in await queries.list_orientations(session, lease)
    )


async def extend_lease(
    session: AsyncSession, audit: AuditTrail, desk: Desk, lease_id: UUID, *, fencing_token: int
) -> Lease:
    """As long again from now, two hours after the lease began at most."""
    lease, person = await hold_lease(session, desk, lease_id, fencing_token=fencing_token)
    limit = lease.leased_at + LONGEST_LEASE
    if clock.now() >= limit:
        raise LeaseLimit("Record the attempt, or release the person.")
    lease.expires_at = person.leased_until = min(clock.now() + desk.lease_lasts, limit)
    audit.record(AuditEvent.LEASE_EXTENDED, entity="lease", entity_id=lease.id)
    return lease


async def release_lease(
    session: AsyncSession, audit: AuditTrail, desk: Desk, lease_id: UUID, *, fencing_token: int
) -> Lease:
    """Give the person back uncalled. Again, or after expiry, it changes nothing."""
    lease = await queries.get_lease(
        session, lease_id, tenant=desk.tenant, counsellor=desk.caller.subject, for_update=True
    )
    if lease.fencing_token != fencing_token:
        raise StaleFencingToken("Use the token that came with the lease.")
    if lease.released_at is not None or lease.completed_at is not None:
        return lease
    lease.released_at = clock.now()
    person = await queries.get_person(session, lease, for_update=True)
    if person.fence == lease.fencing_token:
        person.leased_until = None
    audit.record(AuditEvent.LEASE_RELEASED, entity="lease", entity_id=lease.id)
    return lease


async def hold_lease(
    session: AsyncSession, desk: Desk, lease_id: UUID, *, fencing_token: int
) -> tuple[Lease, Person]:
    """Lock the lease and its person, once it is sure that nobody called the person since."""
    lease = await queries.get_lease(
        session, lease_id, tenant=desk.tenant, counsellor=desk.caller.subject, for_update=True
    )
    person = await queries.get_person(session, lease, for_update=True)
    if fencing_token != lease.fencing_token or person.fence != lease.fencing_token:
        raise StaleFencingToken("Lease the next person; this one is someone else's now.")
    if lease.released_at is not None or lease.completed_at is not None:
        raise LeaseEnded("Lease the next person.")
    return lease, person
