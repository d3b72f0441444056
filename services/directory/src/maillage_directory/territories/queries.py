"""Reads of territories."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Territory, TerritoryKind

_ABOVE = text(
    "SELECT t.code, t.kind, t.name, a.is_certain FROM territory_above a"
    " JOIN territory t ON t.code = a.above WHERE a.code = :code"
    " ORDER BY t.kind, a.is_certain DESC, t.code"
)


async def list_territories(
    session: AsyncSession, kind: TerritoryKind | None
) -> Sequence[Territory]:
    statement = select(Territory).order_by(col(Territory.kind), col(Territory.code))
    if kind is not None:
        statement = statement.where(Territory.kind == kind)
    return (await session.exec(statement)).all()


async def find_territory(session: AsyncSession, code: str) -> Territory | None:
    return (await session.exec(select(Territory).where(Territory.code == code))).first()


async def list_above(session: AsyncSession, code: str) -> Sequence[Row[Any]]:
    """The territory itself and all that hold it."""
    connection = await session.connection()
    return (await connection.execute(_ABOVE, {"code": code})).all()
