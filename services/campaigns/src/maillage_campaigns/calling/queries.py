"""Reading leases, cases and people, in a session of one tenant."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.models import (
    Attempt,
    CallCase,
    Campaign,
    Counsellor,
    Lease,
    Objection,
    ObjectionScope,
    Orientation,
    Participation,
    Person,
    PersonPhone,
)
from maillage_common.errors import NotFound


async def get_campaign(session: AsyncSession, campaign_id: UUID) -> Campaign:
    campaign = await session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound
    return campaign


async def get_lease(
    session: AsyncSession, lease_id: UUID, *, tenant: str, counsellor: str, for_update: bool = False
) -> Lease:
    """A counsellor's own lease; another's is as absent."""
    query = select(Lease).where(
        Lease.tenant == tenant, Lease.id == lease_id, Lease.counsellor == counsellor
    )
    if for_update:
        # Not FOR UPDATE: the evidence of a late result refers to this row from a transaction of
        # its own.
        query = query.with_for_update(key_share=True)
    lease = (await session.exec(query)).first()
    if lease is None:
        raise NotFound
    return lease


async def get_person(session: AsyncSession, lease: Lease, *, for_update: bool = False) -> Person:
    query = select(Person).where(Person.tenant == lease.tenant, Person.id == lease.person_id)
    if for_update:
        query = query.with_for_update(key_share=True)
    return (await session.exec(query)).one()


async def get_case(session: AsyncSession, lease: Lease) -> CallCase:
    return (
        await session.exec(
            select(CallCase).where(CallCase.tenant == lease.tenant, CallCase.id == lease.case_id)
        )
    ).one()


async def list_phones(session: AsyncSession, lease: Lease) -> Sequence[PersonPhone]:
    return (
        await session.exec(
            select(PersonPhone)
            .where(PersonPhone.tenant == lease.tenant, PersonPhone.person_id == lease.person_id)
            .order_by(col(PersonPhone.position))
        )
    ).all()


async def list_attempts(session: AsyncSession, lease: Lease) -> Sequence[Attempt]:
    """Oldest first."""
    return (
        await session.exec(
            select(Attempt)
            .where(Attempt.tenant == lease.tenant, Attempt.case_id == lease.case_id)
            .order_by(col(Attempt.ended_at), col(Attempt.id))
        )
    ).all()


async def list_orientations(session: AsyncSession, lease: Lease) -> Sequence[Orientation]:
    return (
        await session.exec(
            select(Orientation)
            .where(Orientation.tenant == lease.tenant, Orientation.case_id == lease.case_id)
            .order_by(col(Orientation.requested_at))
        )
    ).all()


async def find_participation(
    session: AsyncSession, tenant: str, campaign_id: UUID
) -> Participation | None:
    return (
        await session.exec(
            select(Participation).where(
                Participation.tenant == tenant, Participation.campaign_id == campaign_id
            )
        )
    ).first()


async def find_languages(session: AsyncSession, tenant: str, counsellor: str) -> list[str] | None:
    known = (
        await session.exec(
            select(Counsellor.languages).where(
                Counsellor.tenant == tenant, Counsellor.subject == counsellor
            )
        )
    ).first()
    return None if known is None else list(known)


async def has_objection(
    session: AsyncSession,
    person: Person,
    phones: Sequence[PersonPhone],
    campaign: Campaign,
) -> bool:
    """Whether a lasting objection of the person or one of the numbers concerns the campaign."""
    found = await session.exec(
        select(func.count())
        .select_from(Objection)
        .where(
            Objection.tenant == person.tenant,
            col(Objection.withdrawn_at).is_(None),
            or_(
                col(Objection.person_key) == person.person_key,
                col(Objection.phone_key).in_([phone.phone_key for phone in phones]),
            ),
            or_(
                col(Objection.scope) == ObjectionScope.ALL,
                col(Objection.campaign_id) == campaign.id,
                col(Objection.theme) == campaign.theme,
            ),
        )
    )
    return found.one() > 0
