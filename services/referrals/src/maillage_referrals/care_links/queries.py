from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_referrals.models import CareLink, Referral
from maillage_referrals.vocabulary import ReferralStatus

TAKEN_ON = (
    ReferralStatus.ACCEPTED,
    ReferralStatus.IN_PROGRESS,
    ReferralStatus.ON_HOLD,
    ReferralStatus.COMPLETED,
)


async def find_care_link(session: AsyncSession, link_id: UUID) -> CareLink | None:
    """A link of the caller's own organization, or of the person; row-level security sees to it."""
    query = select(CareLink).where(CareLink.id == link_id).with_for_update()
    return (await session.exec(query)).first()


async def list_care_links(session: AsyncSession, subject_id: UUID) -> list[CareLink]:
    query = select(CareLink).where(CareLink.subject_id == subject_id).order_by(col(CareLink.id))
    return list((await session.exec(query)).all())


async def has_taken_on(
    session: AsyncSession, *, referral_id: UUID, subject_id: UUID, organization: UUID
) -> bool:
    """Did this organization accept that referral of that person?"""
    query = select(Referral.id).where(
        Referral.id == referral_id,
        Referral.subject_id == subject_id,
        Referral.receiver_organization == organization,
        col(Referral.status).in_(TAKEN_ON),
    )
    return (await session.exec(query)).first() is not None


def select_run_out(at: datetime, *, limit: int) -> SelectOfScalar[CareLink]:
    return (
        select(CareLink)
        .where(col(CareLink.ended_at).is_(None), col(CareLink.expires_at) <= at)
        .order_by(col(CareLink.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
