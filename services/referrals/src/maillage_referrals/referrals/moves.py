"""Moving one referral: its state, its history, its hand-over, and who hears of it.

Every change of state, whoever makes it, goes through `move`.
"""

from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.webhooks import publish
from maillage_referrals.events import Trail
from maillage_referrals.keys import Keys
from maillage_referrals.models import Referral, ReferralEvent
from maillage_referrals.referrals.lifecycle import FINAL, check_move, is_closed
from maillage_referrals.referrals.queries import find_hand_over, select_open
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import ReferralStatus, Role

UPDATED = "referral.updated"


async def move(
    session: AsyncSession,
    trail: AuditTrail,
    keys: Keys,
    settings: Settings,
    referral: Referral,
    *,
    to: ReferralStatus,
    by: Role,
) -> None:
    """Raises `IllegalTransition` or `NotYourMove`; facts that go with the state are set before."""
    start = referral.status
    check_move(start, to, by)
    referral.status = to
    if to is not ReferralStatus.ON_HOLD:
        referral.on_hold_until = None
    if to in FINAL:
        await destroy_hand_over(session, referral.id)
    trail.record(
        Trail.REFERRAL_MOVED,
        entity="referral",
        entity_id=referral.id,
        subject=keys.audit_name(referral.subject_id),
        changes={"status": [start, to]},
    )
    await note_step(session, settings, referral, start=start, by=by)


async def note_step(
    session: AsyncSession,
    settings: Settings,
    referral: Referral,
    *,
    start: ReferralStatus | None,
    by: Role,
) -> None:
    """Version, closing, history and the event for the service that the referral came through."""
    at = clock.now()
    if start is not None:
        referral.version += 1
        referral.updated_at = at
    if referral.closed_at is None and is_closed(referral.status, referral.person_answer):
        referral.closed_at = at
    session.add(referral)
    await session.flush()
    session.add(
        ReferralEvent.model_validate(
            {
                "referral_id": referral.id,
                "at": at,
                "from_status": start,
                "to_status": referral.status,
                "by": by,
                "person_answer": referral.person_answer,
            }
        )
    )
    if referral.sender_service is not None:
        await publish(
            session,
            settings.webhooks,
            event=UPDATED,
            subject=str(referral.id),
            data={
                "referral_id": str(referral.id),
                "state": referral.status,
                "person_answer": referral.person_answer,
            },
        )


async def destroy_hand_over(session: AsyncSession, referral_id: UUID) -> None:
    """Nobody is expected any more, so nobody needs to be recognised."""
    hand_over = await find_hand_over(session, referral_id)
    if hand_over is None or hand_over.destroyed_at is not None:
        return
    hand_over.card_code = hand_over.starts_at = hand_over.ends_at = hand_over.sealed = None
    hand_over.destroyed_at = clock.now()
    session.add(hand_over)


async def end_referrals(
    session: AsyncSession,
    trail: AuditTrail,
    keys: Keys,
    settings: Settings,
    *,
    condition: ColumnElement[bool],
    to: ReferralStatus,
    by: Role,
) -> None:
    """End every open referral that meets `condition`, in this transaction.

    Called where every referral is seen: by a clock, or looking past the caller.
    """
    for referral in (await session.exec(select_open(condition))).all():
        await move(session, trail, keys, settings, referral, to=to, by=by)


def resting_on(consent_id: UUID) -> ColumnElement[bool]:
    return col(Referral.consent_id) == consent_id


def sent_to_or_by(subject_id: UUID, organization: UUID) -> ColumnElement[bool]:
    return (col(Referral.subject_id) == subject_id) & (
        (col(Referral.receiver_organization) == organization)
        | (col(Referral.sender_organization) == organization)
    )
