"""Reading, moving and answering referrals."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.preconditions import check_if_match
from maillage_referrals.access.party import Party
from maillage_referrals.access.service import denial
from maillage_referrals.care_links.service import link_receiver
from maillage_referrals.errors import NotYourMove
from maillage_referrals.events import Trail
from maillage_referrals.models import Referral
from maillage_referrals.pointers.locator import check_local_reference
from maillage_referrals.referrals.hand_overs import public_hand_over
from maillage_referrals.referrals.lifecycle import (
    FINAL,
    HIDDEN_FROM_RECEIVER,
    check_answer,
    next_states,
)
from maillage_referrals.referrals.moves import move, note_step
from maillage_referrals.referrals.queries import (
    find_hand_over,
    find_subject_of_referral,
    find_visible_referral,
    list_events,
)
from maillage_referrals.referrals.schemas import (
    AnswerRequest,
    ClosedReferralPublic,
    ReferralItem,
    ReferralPublic,
    StepPublic,
    TransitionRequest,
)
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import AnsweredBy, ReferralStatus, Role


async def read_referral(
    session: AsyncSession, party: Party, trail: AuditTrail, *, referral_id: UUID
) -> ReferralPublic | ClosedReferralPublic:
    referral = await get_referral(session, party, referral_id, Trail.REFERRAL_READ)
    record(trail, party, Trail.REFERRAL_READ, referral)
    return await public_referral(session, party, trail, referral)


async def list_history(
    session: AsyncSession, party: Party, trail: AuditTrail, *, referral_id: UUID
) -> list[StepPublic]:
    """Every step, oldest first; a receiver sees none of a referral that was taken back."""
    referral = await get_referral(session, party, referral_id, Trail.REFERRAL_READ)
    record(trail, party, Trail.REFERRAL_READ, referral)
    if _is_hidden(referral, role_of(party, referral)):
        return []
    return [StepPublic.model_validate(row) for row in await list_events(session, referral.id)]


async def list_page(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    *,
    select: SelectOfScalar[Referral],
    query: object,
    limit: int,
    cursors: Cursors,
) -> Page[ReferralItem]:
    """`select` asks for one more than `limit`. Every person listed gets an access record."""
    shown, next_cursor = cut_page(
        (await session.exec(select)).all(),
        limit,
        key=lambda referral: [str(referral.id)],
        cursors=cursors,
        query=query,
    )
    for referral in shown:
        record(trail, party, Trail.REFERRALS_LISTED, referral)
    return Page(items=[public_item(party, referral) for referral in shown], next_cursor=next_cursor)


async def move_referral(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    referral_id: UUID,
    if_match: str | None,
    request: TransitionRequest,
) -> ReferralPublic | ClosedReferralPublic:
    """Raises `IllegalTransition`, `NotYourMove`; 428 and 412, except for withdrawing."""
    check_local_reference(request.local_reference, known=settings.locator_systems)
    referral = await get_referral(session, party, referral_id, Trail.REFERRAL_MOVED)
    role = _acting_role(party, referral, request.to)
    if request.to is ReferralStatus.WITHDRAWN and referral.status is ReferralStatus.WITHDRAWN:
        return await public_referral(session, party, trail, referral)
    if request.to is not ReferralStatus.WITHDRAWN:
        check_if_match(if_match, referral.version)
    _state_facts(referral, request, role)
    await move(session, trail, party.keys, settings, referral, to=request.to, by=role)
    if request.to is ReferralStatus.ACCEPTED:
        await link_receiver(
            session,
            party,
            trail,
            settings,
            subject_id=referral.subject_id,
            referral_id=referral.id,
        )
    return await public_referral(session, party, trail, referral)


async def answer_referral(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    *,
    referral_id: UUID,
    request: AnswerRequest,
) -> ReferralPublic | ClosedReferralPublic:
    """What the person says: did they get an answer? The receiver cannot say it for them."""
    referral = await get_referral(session, party, referral_id, Trail.REFERRAL_ANSWERED)
    role = role_of(party, referral)
    if role is Role.RECEIVER:
        raise NotYourMove("The person, or the sender who asked them.")
    check_answer(referral.status, referral.person_answer)
    referral.person_answer = request.person_answer
    referral.person_answer_at = clock.now()
    referral.person_answer_by = AnsweredBy.PERSON if party.is_person else AnsweredBy.SENDER
    record(trail, party, Trail.REFERRAL_ANSWERED, referral)
    await note_step(session, settings, referral, start=referral.status, by=role)
    return await public_referral(session, party, trail, referral)


async def get_referral(
    session: AsyncSession, party: Party, referral_id: UUID, event: Trail
) -> Referral:
    """Visible to the caller, locked; else `NotFound`, recorded for the person."""
    referral = await find_visible_referral(session, referral_id, lock=True)
    subject_id = await find_subject_of_referral(session, referral_id)
    if referral is None:
        raise denial(party, event, entity="referral", entity_id=referral_id, subject_id=subject_id)
    return referral


def role_of(party: Party, referral: Referral) -> Role:
    """Inside one organization its sender speaks, unless the move is the receiver's."""
    if party.is_person:
        return Role.PERSON
    if party.organization == referral.sender_organization:
        return Role.SENDER
    return Role.RECEIVER


async def public_referral(
    session: AsyncSession, party: Party, trail: AuditTrail, referral: Referral
) -> ReferralPublic | ClosedReferralPublic:
    role = role_of(party, referral)
    if _is_hidden(referral, role):
        return ClosedReferralPublic(id=referral.id, status="closed", version=referral.version)
    hand_over = await find_hand_over(session, referral.id)
    shown = None
    if hand_over is not None:
        to_receiver = party.organization == referral.receiver_organization
        unsealed = party.is_person or (to_receiver and referral.status not in FINAL)
        shown = public_hand_over(party.keys, referral, hand_over, unsealed=unsealed)
        if to_receiver and hand_over.destroyed_at is None:
            record(trail, party, Trail.HAND_OVER_READ, referral)
    return ReferralPublic(
        **referral.model_dump(include=set(ReferralPublic.model_fields)),
        role=role,
        follows=referral.follows_id,
        handle=party.handle_of(referral.subject_id),
        local_reference=_local_reference(party, referral),
        hand_over=shown,
        next=next_states(referral.status, role),
        is_overdue=_is_overdue(referral),
    )


def record(trail: AuditTrail, party: Party, event: Trail, referral: Referral) -> None:
    trail.record(
        event,
        entity="referral",
        entity_id=referral.id,
        subject=party.keys.audit_name(referral.subject_id),
        purpose=referral.purpose,
    )


def public_item(party: Party, referral: Referral) -> ReferralItem:
    return ReferralItem(
        **referral.model_dump(include=set(ReferralItem.model_fields)),
        handle=party.handle_of(referral.subject_id),
        local_reference=_local_reference(party, referral),
        is_overdue=_is_overdue(referral),
    )


def _acting_role(party: Party, referral: Referral, to: ReferralStatus) -> Role:
    role = role_of(party, referral)
    both = referral.sender_organization == referral.receiver_organization
    if role is Role.SENDER and both and to not in next_states(referral.status, Role.SENDER):
        return Role.RECEIVER
    return role


def _state_facts(referral: Referral, request: TransitionRequest, role: Role) -> None:
    if request.reason is not None:
        referral.reason = request.reason
    if request.until is not None:
        referral.on_hold_until = request.until
    if request.rerouted_to is not None:
        referral.rerouted_to = request.rerouted_to
    if request.outcome is not None:
        referral.service_outcome = request.outcome.answered
        referral.outcome_code = request.outcome.code
    if request.local_reference is not None:
        if role is Role.SENDER:
            referral.sender_reference = request.local_reference
        else:
            referral.receiver_reference = request.local_reference


def _is_hidden(referral: Referral, role: Role) -> bool:
    return role is Role.RECEIVER and referral.status in HIDDEN_FROM_RECEIVER


def _local_reference(party: Party, referral: Referral) -> str | None:
    if party.organization == referral.sender_organization:
        return referral.sender_reference
    if party.organization == referral.receiver_organization:
        return referral.receiver_reference
    return None


def _is_overdue(referral: Referral) -> bool:
    """The receiver was expected to have answered by now."""
    waiting = (ReferralStatus.REQUESTED, ReferralStatus.RECEIVED)
    return referral.status in waiting and referral.due_at <= clock.now()
