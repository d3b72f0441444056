"""Reads of the taxonomy of needs."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Need


async def list_needs(session: AsyncSession) -> Sequence[Need]:
    return (await session.exec(select(Need).order_by(col(Need.code)))).all()
