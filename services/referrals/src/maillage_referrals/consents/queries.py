from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_referrals.consents.lifecycle import LIVE
from maillage_referrals.models import AccessRule, Consent


async def find_consent(
    session: AsyncSession, consent_id: UUID, *, lock: bool = False
) -> Consent | None:
    """One that the caller gave, recorded or is favoured by; row-level security sees to it."""
    query = select(Consent).where(Consent.id == consent_id, _not_excluded())
    if lock:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def list_consents(session: AsyncSession, subject_id: UUID) -> list[Consent]:
    query = (
        select(Consent)
        .where(Consent.subject_id == subject_id, _not_excluded())
        .order_by(col(Consent.id))
    )
    return list((await session.exec(query)).all())


def select_run_out(at: datetime, *, limit: int) -> SelectOfScalar[Consent]:
    return (
        select(Consent)
        .where(col(Consent.status).in_(LIVE), col(Consent.valid_until) <= at)
        .order_by(col(Consent.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


async def list_functions(session: AsyncSession) -> list[str]:
    """Those that the access matrix of now names."""
    query = select(AccessRule.function).where(AccessRule.version == func.matrix_version())
    return list((await session.exec(query.distinct().order_by(AccessRule.function))).all())


def _not_excluded() -> ColumnElement[bool]:
    excluded: ColumnElement[bool] = func.is_excluded(Consent.subject_id)
    return ~excluded
