"""Keeping somebody away. Only the person does it, and only the person sees that it was done."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.errors import NotFound
from maillage_referrals.access.party import Party
from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.access.service import get_own_subject
from maillage_referrals.events import Trail
from maillage_referrals.exclusions.queries import (
    find_exclusion,
    find_standing_exclusion,
    list_exclusions,
)
from maillage_referrals.exclusions.schemas import ExclusionPublic, ExclusionRequest
from maillage_referrals.models import Exclusion
from maillage_referrals.referrals.moves import end_referrals, sent_to_or_by
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import ReferralStatus, Role


async def exclude(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    request: ExclusionRequest,
) -> ExclusionPublic:
    """Unconditional and idempotent; open referrals from or to the organization end with it."""
    subject_id = get_own_subject(party, handle=request.handle)
    standing = await find_standing_exclusion(
        session, subject_id, organization=request.organization, person=request.person
    )
    if standing is not None:
        return _public(party, standing)
    exclusion = Exclusion.model_validate(
        {
            "subject_id": subject_id,
            "organization": request.organization,
            "person": request.person,
        }
    )
    session.add(exclusion)
    _record(trail, party, Trail.EXCLUSION_MADE, exclusion)
    if request.organization is not None:
        async with looking_past(session, LookPast.WITHDRAWAL):
            await end_referrals(
                session,
                trail,
                party.keys,
                settings,
                condition=sent_to_or_by(subject_id, request.organization),
                to=ReferralStatus.WITHDRAWN,
                by=Role.PERSON,
            )
    return _public(party, exclusion)


async def lift_exclusion(
    session: AsyncSession, party: Party, trail: AuditTrail, *, exclusion_id: UUID
) -> ExclusionPublic:
    """Idempotent. What ended with the exclusion stays ended."""
    exclusion = await find_exclusion(session, party.own_person(), exclusion_id)
    if exclusion is None:
        raise NotFound
    if exclusion.lifted_at is None:
        exclusion.lifted_at = clock.now()
        session.add(exclusion)
        _record(trail, party, Trail.EXCLUSION_LIFTED, exclusion)
    return _public(party, exclusion)


async def list_own_exclusions(
    session: AsyncSession, party: Party, *, handle: str
) -> list[ExclusionPublic]:
    subject_id = get_own_subject(party, handle=handle)
    return [_public(party, row) for row in await list_exclusions(session, subject_id)]


def _public(party: Party, exclusion: Exclusion) -> ExclusionPublic:
    fields = exclusion.model_dump(exclude={"subject_id"})
    return ExclusionPublic(handle=party.handle_of(exclusion.subject_id), **fields)


def _record(trail: AuditTrail, party: Party, event: Trail, exclusion: Exclusion) -> None:
    trail.record(
        event,
        entity="exclusion",
        entity_id=exclusion.id,
        subject=party.keys.audit_name(exclusion.subject_id),
    )
