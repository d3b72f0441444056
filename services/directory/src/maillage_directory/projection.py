"""Derives `card` and `service_search` from the tables that hold the truth; see their models."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from sqlalchemy import ARRAY, ColumnElement, Text, Uuid, any_, literal, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

# West, south, east, north, in degrees of WGS 84.
Box = tuple[float, float, float, float]


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


_TERRITORIES = text("""
WITH present AS MATERIALIZED (
    SELECT code, above, is_certain FROM territory_climb
), gone AS (
    DELETE FROM territory_above k
    WHERE NOT EXISTS (SELECT FROM present p WHERE p.code = k.code AND p.above = k.above)
    RETURNING k.code
), come AS (
    INSERT INTO territory_above AS k (code, above, is_certain)
    SELECT code, above, is_certain FROM present
    ON CONFLICT (code, above) DO UPDATE SET is_certain = excluded.is_certain
    WHERE k.is_certain <> excluded.is_certain
    RETURNING k.code
)
SELECT code FROM gone UNION SELECT code FROM come
""")
# A place told by one service is told by all that stand in it: so is its being confidential. Locked,
# or what another transaction writes meanwhile would be derived from what it was before.
# An organization cannot be hidden between being read here and the end of the transaction: its new
# service would stay visible.
_CONCERNED = text("""
SELECT s.id FROM service s JOIN organization o ON o.id = s.organization_id WHERE s.id IN (
    SELECT unnest(CAST(:services AS uuid[]))
    UNION ALL
    SELECT b.service_id FROM service_at_location a
    JOIN service_at_location b ON b.location_id = a.location_id
    WHERE a.service_id = ANY (CAST(:services AS uuid[]))
    UNION ALL
    SELECT o.id FROM service o WHERE o.organization_id = ANY (CAST(:organizations AS uuid[]))
)
ORDER BY s.id FOR NO KEY UPDATE OF s FOR SHARE OF o
""")
_ALL = text(
    "SELECT s.id FROM service s JOIN organization o ON o.id = s.organization_id"
    " ORDER BY s.id FOR NO KEY UPDATE OF s FOR SHARE OF o"
)
# Every territory lies in itself, so a service is found by the codes it was given. What is not
# placed there yet is found by its address, or its point in a box around what is drawn.
_PLACED = text("""
SELECT s.service_id FROM service_search s WHERE s.places && CAST(:codes AS text[])
UNION
SELECT sal.service_id FROM location l JOIN service_at_location sal ON sal.location_id = l.id
WHERE l.commune_code = ANY (CAST(:codes AS text[])) OR l.postcode = ANY (CAST(:codes AS text[]))
    OR EXISTS (
        SELECT FROM unnest(
            CAST(:wests AS float8[]), CAST(:souths AS float8[]),
            CAST(:easts AS float8[]), CAST(:norths AS float8[])
        ) AS b(west, south, east, north)
        WHERE l.longitude BETWEEN b.west AND b.east AND l.latitude BETWEEN b.south AND b.north
    )
""")
_ORGANIZATIONS = text(_file("projection_organizations.sql"))
_SERVICES = _file("projection_services.sql").replace(":services", "%(services)s")
# A statement of more holds more memory; one of fewer is planned more often.
_AT_ONCE = 1000
_MANY = 20
# Compiling the statement takes longer than it runs.
_INTERPRET = text("SELECT set_config('jit', 'off', true)")


async def refresh_territories(session: AsyncSession) -> list[str]:
    """Derive `territory_above` again: after a change of territories or their memberships, and when
    a dated one begins or ends. The codes below which something changed."""
    connection = await session.connection()
    return list((await connection.execute(_TERRITORIES)).scalars())


async def refresh_dated(session: AsyncSession) -> int:
    """What began or ended since the last run: territories, and the services placed below them.

    How many services were derived again; none when nothing changed.
    """
    changed = await refresh_territories(session)
    return await _refresh_placed(session, changed) if changed else 0


async def refresh_places(
    session: AsyncSession, codes: Collection[str], boxes: Collection[Box] = ()
) -> int:
    """After a change of these territories, or of what is drawn of them inside `boxes`: the services
    that were or come to be placed in them. How many were derived again."""
    changed = await refresh_territories(session)
    return await _refresh_placed(session, {*codes, *changed}, boxes)


async def _refresh_placed(
    session: AsyncSession, codes: Collection[str], boxes: Collection[Box] = ()
) -> int:
    sides = zip(*boxes, strict=True) if boxes else ((), (), (), ())
    asked = dict(zip(("wests", "souths", "easts", "norths"), map(list, sides), strict=True))
    connection = await session.connection()
    found = await connection.execute(_PLACED, {"codes": list(codes), **asked})
    placed = found.scalars().all()
    await refresh(session, services=placed)
    return len(placed)


async def refresh_organizations(session: AsyncSession, organizations: Collection[UUID]) -> None:
    """Derive again what is read of these organizations, where their services read the same."""
    connection = await session.connection()
    await connection.execute(_ORGANIZATIONS, {"organizations": as_array(organizations)})


async def refresh(
    session: AsyncSession,
    *,
    services: Collection[UUID] | None = None,
    organizations: Collection[UUID] | None = None,
) -> None:
    """Derive again the rows of these services, and of these organizations and all their services.

    Without either, all rows: after a change of needs, territories or memberships.
    """
    is_all = services is None and organizations is None
    if not (is_all or services or organizations):
        return
    connection = await session.connection()
    owners = None if is_all else as_array(organizations or ())
    if is_all:
        await refresh_territories(session)
    if is_all or organizations:
        await connection.execute(_ORGANIZATIONS, {"organizations": owners})
    asked = {"services": as_array(services or ()), "organizations": owners}
    found = await connection.execute(*((_ALL,) if is_all else (_CONCERNED, asked)))
    listed = list(found.scalars())
    if len(listed) > _MANY:
        await connection.execute(_INTERPRET)
    for start in range(0, len(listed), _AT_ONCE):
        await _derive(connection, listed[start : start + _AT_ONCE])


async def _derive(connection: AsyncConnection, services: Sequence[UUID]) -> None:
    # Many are planned each time, for as many: a kept plan is made for ten.
    driver = cast(
        psycopg.AsyncConnection[Any], (await connection.get_raw_connection()).driver_connection
    )
    prepare = False if len(services) > _MANY else None
    await driver.execute(_SERVICES, {"services": as_array(services)}, prepare=prepare)


def as_array(ids: Iterable[UUID]) -> str:
    """A `uuid[]` as one text: the driver takes longer to write a value for each."""
    return "{" + ",".join(map(str, ids)) + "}"


def among(column: Any, ids: Iterable[UUID]) -> ColumnElement[bool]:
    """`column.in_(ids)` with one value: a thousand of them take longer to write than to find."""
    asked: ColumnElement[bool] = column == any_(sql_cast(literal(as_array(ids), Text), ARRAY(Uuid)))
    return asked
