from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_referrals.access.gate import select_visible_referrals
from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.models import HandOver, Referral, ReferralEvent
from maillage_referrals.referrals.lifecycle import HIDDEN_FROM_RECEIVER, OPEN
from maillage_referrals.vocabulary import ReferralStatus


async def find_visible_referral(
    session: AsyncSession, referral_id: UUID, *, lock: bool = False
) -> Referral | None:
    query = select_visible_referrals().where(Referral.id == referral_id)
    if lock:
        query = query.with_for_update(of=Referral)
    return (await session.exec(query)).first()


async def find_sent_through(
    session: AsyncSession, organization: UUID, *, service: str, reference: str
) -> Referral | None:
    """What a service of ours sent before under this reference, for the person or by itself."""
    query = select_visible_referrals().where(
        Referral.sender_organization == organization,
        Referral.sender_service == service,
        Referral.sender_reference == reference,
    )
    return (await session.exec(query)).first()


async def find_subject_of_referral(session: AsyncSession, referral_id: UUID) -> UUID | None:
    """For the audit record alone: whose referral a caller asked for, allowed or not."""
    async with looking_past(session, LookPast.SUBJECT_OF_DENIAL):
        query = select(Referral.subject_id).where(Referral.id == referral_id)
        return (await session.exec(query)).first()


async def find_hand_over(session: AsyncSession, referral_id: UUID) -> HandOver | None:
    query = select(HandOver).where(HandOver.referral_id == referral_id)
    return (await session.exec(query)).first()


async def list_events(session: AsyncSession, referral_id: UUID) -> Sequence[ReferralEvent]:
    query = (
        select(ReferralEvent)
        .where(ReferralEvent.referral_id == referral_id)
        .order_by(col(ReferralEvent.at), col(ReferralEvent.id))
    )
    return (await session.exec(query)).all()


def select_inbox(
    organization: UUID, *, status: ReferralStatus | None, after: UUID | None, limit: int
) -> SelectOfScalar[Referral]:
    """What other services sent here and nobody took back, newest first."""
    query = select_visible_referrals().where(
        Referral.receiver_organization == organization,
        col(Referral.status).not_in(HIDDEN_FROM_RECEIVER),
    )
    return _page(query, status=status, after=after, limit=limit)


def select_outbox(
    organization: UUID,
    *,
    closed: bool,
    status: ReferralStatus | None,
    after: UUID | None,
    limit: int,
) -> SelectOfScalar[Referral]:
    """What was sent from here; by default only what still owes the person an answer."""
    query = select_visible_referrals().where(Referral.sender_organization == organization)
    if not closed:
        query = query.where(col(Referral.closed_at).is_(None))
    return _page(query, status=status, after=after, limit=limit)


def select_open(condition: ColumnElement[bool]) -> SelectOfScalar[Referral]:
    """Open referrals to be ended, locked in one order so that two endings cannot deadlock."""
    return (
        select(Referral)
        .where(col(Referral.status).in_(OPEN), condition)
        .order_by(col(Referral.id))
        .with_for_update()
    )


def select_overdue(at: datetime, *, limit: int) -> SelectOfScalar[Referral]:
    query = select_open(col(Referral.expires_at) <= at)
    return query.limit(limit)


def _page(
    query: SelectOfScalar[Referral],
    *,
    status: ReferralStatus | None,
    after: UUID | None,
    limit: int,
) -> SelectOfScalar[Referral]:
    if status is not None:
        query = query.where(Referral.status == status)
    if after is not None:
        query = query.where(Referral.id < after)
    return query.order_by(col(Referral.id).desc()).limit(limit)
