from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditEntry, Decision
from maillage_referrals.events import Trail
from maillage_referrals.models import Card, OneTimeCode


async def find_card_by_hash(session: AsyncSession, secret_hash: bytes) -> Card | None:
    return (await session.exec(select(Card).where(Card.secret_hash == secret_hash))).first()


async def find_card_by_code(session: AsyncSession, code: str) -> Card | None:
    return (await session.exec(select(Card).where(Card.code == code))).first()


async def find_card(session: AsyncSession, subject_id: UUID, card_id: UUID) -> Card | None:
    query = select(Card).where(Card.id == card_id, Card.subject_id == subject_id)
    return (await session.exec(query)).first()


async def list_cards(session: AsyncSession, subject_id: UUID) -> list[Card]:
    query = select(Card).where(Card.subject_id == subject_id).order_by(col(Card.id))
    return list((await session.exec(query)).all())


async def find_live_code(
    session: AsyncSession, subject_id: UUID, code_hash: bytes, *, at: datetime
) -> OneTimeCode | None:
    query = (
        select(OneTimeCode)
        .where(OneTimeCode.subject_id == subject_id, OneTimeCode.code_hash == code_hash)
        .where(col(OneTimeCode.used_at).is_(None), OneTimeCode.expires_at > at)
        .with_for_update()
    )
    return (await session.exec(query)).first()


async def count_refused_proofs(session: AsyncSession, audit_name: str, *, since: datetime) -> int:
    query = select(func.count()).where(
        col(AuditEntry.subject) == audit_name,
        col(AuditEntry.at) > since,
        col(AuditEntry.event) == Trail.PROOF_REFUSED,
        col(AuditEntry.decision) == Decision.DENIED,
    )
    return (await session.exec(query)).one()
