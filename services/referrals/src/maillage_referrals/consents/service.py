"""Giving, replacing and withdrawing a consent."""

from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.errors import FieldError
from maillage_referrals.access import scope
from maillage_referrals.access.party import Party
from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.access.service import denial, get_own_subject, get_subject, name_subject
from maillage_referrals.consents.lifecycle import check_move, is_withdrawable
from maillage_referrals.consents.queries import find_consent, list_consents, list_functions
from maillage_referrals.consents.recording import Terms, new_consent, prove
from maillage_referrals.consents.schemas import (
    ConsentPublic,
    ConsentRequest,
    FunctionGrantee,
    ProofRequest,
)
from maillage_referrals.errors import ConsentNotUsable, UnknownFunction
from maillage_referrals.events import Trail
from maillage_referrals.models import Consent, Referral
from maillage_referrals.referrals.moves import end_referrals, resting_on
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import ConsentScope, ConsentStatus, ReferralStatus, Role


async def record_consent(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    request: ConsentRequest,
) -> ConsentPublic:
    """Active at once when proved; with `propose` it waits for the person."""
    subject_id = await get_subject(session, party, handle=request.handle)
    if isinstance(request.grantee, FunctionGrantee):
        await _check_function(session, request.grantee.function)
    proved = None
    if not request.propose:
        proved = await prove(session, party, settings, subject_id=subject_id, proof=request.proof)
    terms = Terms(
        scope=ConsentScope.RECORD,
        grantee=request.grantee,
        categories=[str(category) for category in request.categories],
        purposes=[str(purpose) for purpose in request.purposes],
        valid_until=request.valid_until,
        text=request.text,
        with_interpreter=request.with_interpreter,
    )
    consent = new_consent(party, settings, subject_id=subject_id, terms=terms, proved=proved)
    session.add(consent)
    await session.flush()
    if request.replaces is not None:
        await _replace(session, party, trail, old_id=request.replaces, new=consent)
    event = Trail.CONSENT_GIVEN if proved else Trail.CONSENT_PROPOSED
    note_consent(trail, party, event, consent)
    return public_consent(party, consent)


async def activate_consent(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    consent_id: UUID,
    proof: ProofRequest | None,
) -> ConsentPublic:
    """The person says yes to what was proposed."""
    consent = await _get_consent(session, party, consent_id, event=Trail.CONSENT_GIVEN)
    await scope.name_subject(session, consent.subject_id)
    proved = await prove(session, party, settings, subject_id=consent.subject_id, proof=proof)
    check_move(consent.status, ConsentStatus.ACTIVE)
    consent.status = ConsentStatus.ACTIVE
    consent.activated_at = clock.now()
    consent.proof, consent.proof_card_id = proved.method, proved.card_id
    consent.version += 1
    session.add(consent)
    note_consent(trail, party, Trail.CONSENT_GIVEN, consent)
    return public_consent(party, consent)


async def withdraw_consent(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    consent_id: UUID,
) -> ConsentPublic:
    """Unconditional and idempotent; every referral that rests on it ends with it."""
    consent = await _get_consent(session, party, consent_id, event=Trail.CONSENT_WITHDRAWN)
    if is_withdrawable(consent.status):
        consent.status = ConsentStatus.WITHDRAWN
        consent.withdrawn_at = clock.now()
        consent.version += 1
        session.add(consent)
        note_consent(trail, party, Trail.CONSENT_WITHDRAWN, consent)
        async with looking_past(session, LookPast.WITHDRAWAL):
            await end_referrals(
                session,
                trail,
                party.keys,
                settings,
                condition=resting_on(consent.id),
                to=ReferralStatus.WITHDRAWN,
                by=Role.PERSON,
            )
    return public_consent(party, consent)


async def get_visible_consent(
    session: AsyncSession, party: Party, trail: AuditTrail, *, consent_id: UUID
) -> ConsentPublic:
    consent = await _get_consent(session, party, consent_id, event=Trail.CONSENT_READ)
    note_consent(trail, party, Trail.CONSENT_READ, consent)
    return public_consent(party, consent)


async def list_visible_consents(
    session: AsyncSession, party: Party, trail: AuditTrail, *, handle: str
) -> list[ConsentPublic]:
    """The person's all; for a worker those that their organization recorded or is favoured by."""
    if party.is_person:
        get_own_subject(party, handle=handle)
    subject_id = await name_subject(session, party, handle=handle)
    name = party.keys.audit_name(subject_id)
    trail.record(Trail.CONSENT_READ, entity="subject", entity_id=name, subject=name)
    return [public_consent(party, row) for row in await list_consents(session, subject_id)]


def note_consent(trail: AuditTrail, party: Party, event: Trail, consent: Consent) -> None:
    trail.record(
        event,
        entity="consent",
        entity_id=consent.id,
        subject=party.keys.audit_name(consent.subject_id),
        changes={"status": consent.status, "proof": consent.proof},
    )


def public_consent(party: Party, consent: Consent) -> ConsentPublic:
    fields = consent.model_dump(exclude={"subject_id", "recorded_by", "proof_card_id"})
    return ConsentPublic(handle=party.handle_of(consent.subject_id), **fields)


async def _get_consent(
    session: AsyncSession, party: Party, consent_id: UUID, *, event: Trail
) -> Consent:
    consent = await find_consent(session, consent_id, lock=True)
    if consent is None:
        raise denial(party, event, entity="consent", entity_id=consent_id, subject_id=None)
    return consent


async def _check_function(session: AsyncSession, function: str) -> None:
    """A consent to a function that may see nothing opens nothing, and could be any word."""
    known = await list_functions(session)
    if function not in known:
        allowed = f"One of: {', '.join(known)}."
        fault = FieldError(UnknownFunction.code, allowed, pointer="/grantee/function")
        raise UnknownFunction(allowed, errors=[fault])


async def _replace(
    session: AsyncSession, party: Party, trail: AuditTrail, *, old_id: UUID, new: Consent
) -> None:
    """The old consent ends; referrals that rested on it rest on the new one."""
    old = await find_consent(session, old_id, lock=True)
    if old is None or old.subject_id != new.subject_id or new.status is not ConsentStatus.ACTIVE:
        raise ConsentNotUsable("Only an active consent of the same person can be replaced.")
    check_move(old.status, ConsentStatus.REPLACED)
    old.status, old.replaced_by_id = ConsentStatus.REPLACED, new.id
    old.version += 1
    session.add(old)
    async with looking_past(session, LookPast.WITHDRAWAL):
        await session.exec(
            update(Referral).where(col(Referral.consent_id) == old.id).values(consent_id=new.id)
        )
    note_consent(trail, party, Trail.CONSENT_REPLACED, old)
