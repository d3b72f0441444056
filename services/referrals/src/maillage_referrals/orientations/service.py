"""One call that orients a person: subject, consent, hand-over and referral, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.code_copies import KnownCodes
from maillage_common.errors import FieldError, IndividualRequired
from maillage_referrals.access import scope
from maillage_referrals.access.party import Party
from maillage_referrals.access.service import get_subject
from maillage_referrals.cards.schemas import NewCardPublic
from maillage_referrals.clients import Directory, TargetService
from maillage_referrals.consents.queries import find_consent
from maillage_referrals.consents.recording import (
    OrganizationGrantee,
    Proved,
    Terms,
    new_consent,
    prove,
)
from maillage_referrals.consents.service import note_consent
from maillage_referrals.errors import (
    ConsentDoesNotName,
    ConsentNotUsable,
    ProofRefused,
    SenderNotExpected,
    SenderRequired,
    ServiceRefused,
)
from maillage_referrals.events import Trail
from maillage_referrals.models import Card, Consent, Referral
from maillage_referrals.orientations.schemas import (
    AnonymousSubject,
    GivenConsent,
    KnownSubject,
    OrientationPublic,
    OrientationRequest,
    WarningPublic,
)
from maillage_referrals.pointers.locator import check_local_reference
from maillage_referrals.referrals.hand_overs import new_hand_over
from maillage_referrals.referrals.lifecycle import check_follow
from maillage_referrals.referrals.moves import note_step
from maillage_referrals.referrals.queries import find_sent_through
from maillage_referrals.referrals.schemas import ReferralPublic
from maillage_referrals.referrals.service import get_referral, public_referral, record
from maillage_referrals.settings import Settings
from maillage_referrals.subjects.service import make_subject
from maillage_referrals.vocabulary import (
    ALL_ORDINARY,
    PROVED_BY_PERSON,
    ConsentScope,
    ConsentStatus,
    ReferralStatus,
    Role,
    sensitive_categories,
)


@dataclass(frozen=True)
class _Oriented:
    """Who is oriented; `card` and what is shown of it when they were made in this call."""

    subject_id: UUID
    card: Card | None = None
    shown: NewCardPublic | None = None


async def orient(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    directory: Directory,
    needs: KnownCodes,
    *,
    request: OrientationRequest,
) -> OrientationPublic:
    """Raises `PeerUnavailable`: without the directory nobody knows whose inbox it is; and
    `UnknownService`, also of one that was merged into another."""
    check_local_reference(request.local_reference, known=settings.locator_systems)
    party = await _sender(session, party, request)
    before = await _sent_before(session, party, request)
    if before is not None:
        return await _public(session, party, trail, before)
    await needs.check(session, [(f"/needs/{n}", code) for n, code in enumerate(request.needs)])
    target = await directory.find_service(request.service_id)
    oriented = await _subject(session, party, trail, request)
    sensitive = sorted(target.sensitive_categories | sensitive_categories(request.needs))
    consent = await _consent(session, party, trail, settings, oriented, target, request)
    _check_named(consent, sensitive)
    if request.follows is not None:
        await _check_follows(session, party, oriented.subject_id, request.follows)
    referral = _new_referral(party, settings, oriented, target, consent, sensitive, request)
    session.add(referral)
    await note_step(session, settings, referral, start=None, by=Role.SENDER)
    session.add(
        await new_hand_over(
            session,
            party.keys,
            referral=referral,
            request=request.hand_over,
            made_card=oriented.card,
        )
    )
    await session.flush()
    record(trail, party, Trail.REFERRAL_MADE, referral)
    return await _public(session, party, trail, referral, card=oriented.shown, target=target)


async def _public(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    referral: Referral,
    *,
    card: NewCardPublic | None = None,
    target: TargetService | None = None,
) -> OrientationPublic:
    shown = await public_referral(session, party, trail, referral)
    assert isinstance(shown, ReferralPublic), "a sender sees their own referral"
    saturated = target is not None and target.is_saturated
    warnings = [WarningPublic(code="target_saturated")] if saturated else []
    return OrientationPublic(**shown.model_dump(), card=card, warnings=warnings)


async def _sent_before(
    session: AsyncSession, party: Party, request: OrientationRequest
) -> Referral | None:
    """A service tries for the person first and by itself later: one reference, one referral.

    An Idempotency-Key does not join the two, since it belongs to its caller.
    """
    if party.service is None or request.local_reference is None:
        return None
    return await find_sent_through(
        session,
        party.own_organization(),
        service=party.service,
        reference=request.local_reference,
    )


async def _sender(session: AsyncSession, party: Party, request: OrientationRequest) -> Party:
    """A worker speaks for themself; a service alone speaks for the sender it names."""
    if party.is_outreach_machine:
        if request.sender is None:
            raise SenderRequired(errors=[_fault("/sender", "Name the organization.")])
        if not isinstance(request.subject, AnonymousSubject):
            raise ServiceRefused("By itself a service orients anonymous people only.")
        await scope.speak_for(session, request.sender.organization)
        return party.speaking_for(request.sender.organization, request.sender.function)
    if party.caller.is_machine:
        raise IndividualRequired("Use the token of a person who is signed in.")
    if request.sender is not None:
        raise SenderNotExpected(errors=[_fault("/sender", "Leave it out.")])
    if party.service is not None and not isinstance(request.subject, AnonymousSubject):
        raise ServiceRefused("A service acting for someone orients anonymous people only.")
    return party


async def _subject(
    session: AsyncSession, party: Party, trail: AuditTrail, request: OrientationRequest
) -> _Oriented:
    if isinstance(request.subject, KnownSubject):
        return _Oriented(await get_subject(session, party, handle=request.subject.handle))
    return _Oriented(*await make_subject(session, party, trail))


async def _consent(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    oriented: _Oriented,
    target: TargetService,
    request: OrientationRequest,
) -> Consent:
    if not isinstance(request.consent, GivenConsent):
        return await _standing_consent(
            session, oriented.subject_id, target, request, request.consent.id
        )
    if request.consent.method in PROVED_BY_PERSON and party.caller.is_machine:
        raise ProofRefused("A service alone has seen no card.")
    proved: Proved = await prove(
        session, party, settings, subject_id=oriented.subject_id, proof=request.consent
    )
    terms = Terms(
        scope=ConsentScope.REFERRAL,
        grantee=OrganizationGrantee(kind="organization", organization=target.organization),
        categories=[ALL_ORDINARY, *request.consent.categories],
        purposes=[request.purpose],
        valid_until=None,
        text=request.consent.text,
        with_interpreter=request.consent.with_interpreter,
    )
    consent = new_consent(
        party, settings, subject_id=oriented.subject_id, terms=terms, proved=proved
    )
    session.add(consent)
    await session.flush()
    note_consent(trail, party, Trail.CONSENT_GIVEN, consent)
    return consent


async def _standing_consent(
    session: AsyncSession,
    subject_id: UUID,
    target: TargetService,
    request: OrientationRequest,
    consent_id: UUID,
) -> Consent:
    """The person already agreed that the receiver may know, for this purpose."""
    consent = await find_consent(session, consent_id)
    if (
        consent is None
        or consent.subject_id != subject_id
        or consent.status is not ConsentStatus.ACTIVE
        or consent.valid_until <= clock.now()
        or consent.grantee_organization != target.organization
        or request.purpose not in consent.purposes
    ):
        raise ConsentNotUsable("It is active, of this person, for the receiver and the purpose?")
    return consent


def _check_named(consent: Consent, sensitive: Sequence[str]) -> None:
    missing = [category for category in sensitive if category not in consent.categories]
    if missing:
        raise ConsentDoesNotName(
            "Tell the person what the receiver's field reveals, and ask.",
            errors=[_fault("/consent/categories", category) for category in missing],
        )


async def _check_follows(
    session: AsyncSession, party: Party, subject_id: UUID, followed_id: UUID
) -> None:
    followed = await get_referral(session, party, followed_id, Trail.REFERRAL_READ)
    if followed.subject_id != subject_id:
        raise ConsentNotUsable("A referral follows another of the same person.")
    check_follow(followed.status)


def _new_referral(
    party: Party,
    settings: Settings,
    oriented: _Oriented,
    target: TargetService,
    consent: Consent,
    sensitive: Sequence[str],
    request: OrientationRequest,
) -> Referral:
    at = clock.now()
    lifetime = at + timedelta(days=settings.referral_lifetime_days)
    return Referral.model_validate(
        {
            "subject_id": oriented.subject_id,
            "consent_id": consent.id,
            "status": ReferralStatus.DRAFT if request.draft else ReferralStatus.REQUESTED,
            "purpose": request.purpose,
            "needs": sorted(set(request.needs)),
            "sensitive_categories": list(sensitive),
            "sender_organization": party.own_organization(),
            "sender": party.caller.subject,
            "sender_function": party.caller.function,
            "sender_service": party.service,
            "sender_reference": request.local_reference,
            "receiver_organization": target.organization,
            "service_id": target.id,
            "accompaniment": request.accompaniment,
            "follows_id": request.follows,
            "due_at": request.due_at or at + timedelta(days=settings.referral_answer_days),
            "expires_at": min(lifetime, consent.valid_until),
        }
    )


def _fault(pointer: str, detail: str) -> FieldError:
    return FieldError(code="not_valid", detail=detail, pointer=pointer)
