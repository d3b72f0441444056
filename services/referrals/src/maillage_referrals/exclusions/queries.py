from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_referrals.models import Exclusion


async def find_standing_exclusion(
    session: AsyncSession, subject_id: UUID, *, organization: UUID | None, person: str | None
) -> Exclusion | None:
    query = select(Exclusion).where(
        Exclusion.subject_id == subject_id,
        col(Exclusion.lifted_at).is_(None),
        col(Exclusion.organization).is_not_distinct_from(organization),
        col(Exclusion.person).is_not_distinct_from(person),
    )
    return (await session.exec(query)).first()


async def find_exclusion(
    session: AsyncSession, subject_id: UUID, exclusion_id: UUID
) -> Exclusion | None:
    query = select(Exclusion).where(
        Exclusion.id == exclusion_id, Exclusion.subject_id == subject_id
    )
    return (await session.exec(query)).first()


async def list_exclusions(session: AsyncSession, subject_id: UUID) -> list[Exclusion]:
    query = select(Exclusion).where(Exclusion.subject_id == subject_id).order_by(col(Exclusion.id))
    return list((await session.exec(query)).all())
