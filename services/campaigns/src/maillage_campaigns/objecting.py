"""Recording an objection: lasting, by keyed pseudonym, the same one once."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.models import Campaign, Objection, ObjectionScope, ObjectionSource
from maillage_common import clock
from maillage_common.columns import uuid7


async def record_objection(
    session: AsyncSession,
    *,
    tenant: str,
    scope: ObjectionScope,
    campaign: Campaign | None,
    theme: str | None,
    source: ObjectionSource,
    person_key: bytes | None = None,
    phone_key: bytes | None = None,
) -> UUID | None:
    """The new objection's id, or None when it was held already."""
    made = await session.exec(
        insert(Objection)
        .values(
            tenant=tenant,
            id=uuid7(),
            scope=scope,
            campaign_id=campaign.id if campaign and scope is ObjectionScope.CAMPAIGN else None,
            theme=theme if scope is ObjectionScope.THEME else None,
            person_key=person_key,
            phone_key=phone_key,
            source=source,
            recorded_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(col(Objection.id))
    )
    return made.scalars().first()
