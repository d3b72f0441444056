"""Reads of territories."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Row, Text, bindparam, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Territory, TerritoryOutline
from maillage_directory.territories.schemas import TerritoryParams
from maillage_directory.words import holds_sql

_LIST = """
SELECT t.*, o.territory_code IS NOT NULL AS has_outline
FROM territory t LEFT JOIN territory_outline o ON o.territory_code = t.code
WHERE {where}
ORDER BY t.kind, t.code
"""
_ABOVE = text(
    "SELECT t.code, t.kind, t.name, bool_or(a.is_certain) AS is_certain FROM territory_above a"
    " JOIN territory t ON t.code = a.above WHERE a.code = ANY (:codes)"
    " GROUP BY t.code, t.kind, t.name ORDER BY t.kind, bool_or(a.is_certain) DESC, t.code"
).bindparams(bindparam("codes", type_=ARRAY(Text)))
_MEMBERSHIPS = text(
    "SELECT m.within_code AS code, t.name, m.is_certain, m.valid_from, m.valid_to"
    " FROM territory_membership m JOIN territory t ON t.code = m.within_code"
    " WHERE m.territory_code = :code ORDER BY m.valid_from NULLS FIRST, m.within_code"
)
_HOLDING = text(
    "SELECT t.code FROM territories_holding(:latitude, :longitude) held"
    " JOIN territory t ON t.code = held"
    " WHERE (t.valid_from IS NULL OR t.valid_from <= public.today_in_brussels())"
    " AND (t.valid_to IS NULL OR t.valid_to >= public.today_in_brussels()) ORDER BY t.code"
)
_INSIDE = (
    "EXISTS (SELECT FROM territory_above a WHERE a.code = t.code AND a.above = :within"
    " AND a.is_certain AND a.code <> a.above)"
)
_MATCHES = f"(lower(t.code) = lower(:q) OR {holds_sql('t.name::text')})"
_EXISTS_ON = (
    "(t.valid_from IS NULL OR t.valid_from <= :on_day)"
    " AND (t.valid_to IS NULL OR t.valid_to >= :on_day)"
)


async def list_territories(session: AsyncSession, params: TerritoryParams) -> Sequence[Row[Any]]:
    asked = {
        "t.kind = :kind": ("kind", params.kind.value if params.kind else None),
        _INSIDE: ("within", params.within),
        _EXISTS_ON: ("on_day", params.on),
        _MATCHES: ("q", params.q),
        "(o.territory_code IS NOT NULL) = :has_outline": ("has_outline", params.has_outline),
    }
    given = {clause: named for clause, named in asked.items() if named[1] is not None}
    connection = await session.connection()
    rows = await connection.execute(
        text(_LIST.format(where=" AND ".join(given) or "true")), dict(given.values())
    )
    return rows.all()


async def find_territory(session: AsyncSession, code: str) -> Row[Any] | None:
    connection = await session.connection()
    rows = await connection.execute(text(_LIST.format(where="t.code = :code")), {"code": code})
    return rows.first()


async def lock_territory(session: AsyncSession, code: str) -> Territory | None:
    found = await session.exec(
        select(Territory).where(col(Territory.code) == code).with_for_update()
    )
    return found.first()


async def list_above(session: AsyncSession, codes: Sequence[str]) -> Sequence[Row[Any]]:
    """These territories and all that hold any of them, today."""
    connection = await session.connection()
    return (await connection.execute(_ABOVE, {"codes": list(codes)})).all()


async def list_memberships(session: AsyncSession, code: str) -> Sequence[Row[Any]]:
    connection = await session.connection()
    return (await connection.execute(_MEMBERSHIPS, {"code": code})).all()


async def list_holding(session: AsyncSession, latitude: float, longitude: float) -> list[str]:
    """Codes of the present territories whose outline holds the point."""
    connection = await session.connection()
    rows = await connection.execute(_HOLDING, {"latitude": latitude, "longitude": longitude})
    return list(rows.scalars().all())


async def find_outline(session: AsyncSession, code: str) -> TerritoryOutline | None:
    found = await session.exec(
        select(TerritoryOutline).where(col(TerritoryOutline.territory_code) == code)
    )
    return found.first()
