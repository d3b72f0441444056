"""Who looks after a person for a while, and what shows that the person took part."""

from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.errors import FieldError, InvalidRequest
from maillage_referrals.access.party import Party
from maillage_referrals.access.service import denial, get_own_subject, get_subject, name_subject
from maillage_referrals.cards.service import check_card, check_one_time_code
from maillage_referrals.care_links.queries import find_care_link, has_taken_on, list_care_links
from maillage_referrals.care_links.schemas import (
    CardRead,
    CareLinkPublic,
    CareLinkRequest,
    CodeRead,
    ReferralAccepted,
)
from maillage_referrals.errors import ProofRefused
from maillage_referrals.events import Trail
from maillage_referrals.models import CareLink
from maillage_referrals.periods import add_months
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import LinkEnd, LinkEvidence


async def make_care_link(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    request: CareLinkRequest,
) -> CareLinkPublic:
    """As long as the place's policy gives the worker's function."""
    subject_id = await get_subject(session, party, handle=request.handle)
    organization = _organization(party, request)
    card_id = await _check_evidence(session, party, settings, subject_id, request)
    referral_id = (
        request.evidence.referral_id if isinstance(request.evidence, ReferralAccepted) else None
    )
    link = _new_link(
        party,
        settings,
        subject_id=subject_id,
        organization=organization,
        evidence=LinkEvidence(request.evidence.kind),
        person=party.caller.subject if request.only_me and not party.is_person else None,
        card_id=card_id,
        referral_id=referral_id,
    )
    session.add(link)
    _record(trail, party, Trail.CARE_LINK_MADE, link)
    return public_care_link(party, link)


async def link_receiver(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    subject_id: UUID,
    referral_id: UUID,
) -> None:
    """Accepting a referral makes the receiver's link."""
    link = _new_link(
        party,
        settings,
        subject_id=subject_id,
        organization=party.own_organization(),
        evidence=LinkEvidence.ACCEPTED_REFERRAL,
        referral_id=referral_id,
    )
    session.add(link)
    _record(trail, party, Trail.CARE_LINK_MADE, link)


async def end_care_link(
    session: AsyncSession, party: Party, trail: AuditTrail, *, link_id: UUID
) -> CareLinkPublic:
    """Unconditional and idempotent."""
    link = await find_care_link(session, link_id)
    if link is None:
        raise denial(
            party, Trail.CARE_LINK_ENDED, entity="care_link", entity_id=link_id, subject_id=None
        )
    if link.ended_at is None:
        link.ended_at = clock.now()
        link.ended_by = LinkEnd.PERSON if party.is_person else LinkEnd.ORGANIZATION
        session.add(link)
        _record(trail, party, Trail.CARE_LINK_ENDED, link)
    return public_care_link(party, link)


async def list_visible_care_links(
    session: AsyncSession, party: Party, *, handle: str
) -> list[CareLinkPublic]:
    """The person's all, or the caller's organization's own."""
    if party.is_person:
        get_own_subject(party, handle=handle)
    subject_id = await name_subject(session, party, handle=handle)
    return [public_care_link(party, link) for link in await list_care_links(session, subject_id)]


def public_care_link(party: Party, link: CareLink) -> CareLinkPublic:
    fields = link.model_dump(exclude={"subject_id", "referral_id", "card_id", "recorded_by"})
    return CareLinkPublic(handle=party.handle_of(link.subject_id), **fields)


def _organization(party: Party, request: CareLinkRequest) -> UUID:
    if not party.is_person:
        if request.organization not in (None, party.organization):
            raise _misplaced("organization", "A worker links their own organization.")
        return party.own_organization()
    if request.organization is None:
        raise _misplaced("organization", "Name the organization.")
    return request.organization


def _misplaced(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[FieldError(code="not_expected", detail=detail, pointer=f"/{field}")]
    )


async def _check_evidence(
    session: AsyncSession,
    party: Party,
    settings: Settings,
    subject_id: UUID,
    request: CareLinkRequest,
) -> UUID | None:
    """The id of the card that was read, if one was."""
    evidence = request.evidence
    if party.is_person:
        if not isinstance(evidence, CardRead):
            raise ProofRefused("Your own session is the evidence: card_read.")
        return party.card
    if isinstance(evidence, CardRead):
        return await check_card(session, party, subject_id=subject_id, secret=evidence.card_secret)
    if isinstance(evidence, CodeRead):
        await check_one_time_code(
            session,
            party,
            subject_id=subject_id,
            code=evidence.code,
            lifetime=timedelta(minutes=settings.one_time_code_minutes),
        )
    if isinstance(evidence, ReferralAccepted) and not await has_taken_on(
        session,
        referral_id=evidence.referral_id,
        subject_id=subject_id,
        organization=party.own_organization(),
    ):
        raise ProofRefused("Your organization accepted no such referral of this person.")
    return None


def _new_link(
    party: Party,
    settings: Settings,
    *,
    subject_id: UUID,
    organization: UUID,
    evidence: LinkEvidence,
    person: str | None = None,
    card_id: UUID | None = None,
    referral_id: UUID | None = None,
) -> CareLink:
    at = clock.now()
    months = settings.care_link_months.get(
        party.caller.function or "", settings.care_link_default_months
    )
    return CareLink.model_validate(
        {
            "subject_id": subject_id,
            "organization": organization,
            "person": person,
            "evidence": evidence,
            "referral_id": referral_id,
            "card_id": card_id,
            "recorded_by": party.caller.subject,
            "started_at": at,
            "expires_at": add_months(at, months),
        }
    )


def _record(trail: AuditTrail, party: Party, event: Trail, link: CareLink) -> None:
    trail.record(
        event,
        entity="care_link",
        entity_id=link.id,
        subject=party.keys.audit_name(link.subject_id),
        changes={"evidence": link.evidence, "organization": str(link.organization)},
    )
