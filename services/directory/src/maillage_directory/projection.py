"""Derives `card` and `service_search` from the tables that hold the truth; see their models."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel.ext.asyncio.session import AsyncSession


def _statement(name: str, *arrays: str) -> TextClause:
    sql = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return text(sql).bindparams(*(bindparam(array, type_=ARRAY(Uuid())) for array in arrays))


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
# A place told by one service is told by all that stand in it: so is its being confidential.
_SHARING = text(
    "SELECT DISTINCT b.service_id FROM service_at_location a"
    " JOIN service_at_location b ON b.location_id = a.location_id"
    " WHERE a.service_id = ANY (:services)"
).bindparams(bindparam("services", type_=ARRAY(Uuid())))
# Every territory lies in itself, so a service is found by the codes it was given.
_BELOW = text("SELECT s.service_id FROM service_search s WHERE s.places && CAST(:codes AS text[])")
_ORGANIZATIONS = _statement("projection_organizations.sql", "organizations")
_SERVICES = _statement("projection_services.sql", "services", "organizations")


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
    if not changed:
        return 0
    connection = await session.connection()
    placed = (await connection.execute(_BELOW, {"codes": changed})).scalars().all()
    await refresh(session, services=placed)
    return len(placed)


async def refresh_organizations(session: AsyncSession, organizations: Sequence[UUID]) -> None:
    """Derive again what is read of these organizations, where their services read the same."""
    connection = await session.connection()
    await connection.execute(_ORGANIZATIONS, {"organizations": list(organizations)})


async def refresh(
    session: AsyncSession,
    *,
    services: Sequence[UUID] | None = None,
    organizations: Sequence[UUID] | None = None,
) -> None:
    """Derive again the rows of these services, or of these organizations and all their services.

    Without either, all rows: after a change of needs, territories or memberships.
    """
    if services is not None and not services:
        return
    if services is None and organizations is None:
        await refresh_territories(session)
    connection = await session.connection()
    if services is not None:
        sharing = await connection.execute(_SHARING, {"services": list(services)})
        services = sorted({*services, *sharing.scalars()})
    asked = {
        "services": None if services is None else list(services),
        "organizations": None if organizations is None else list(organizations),
    }
    if services is None:
        await connection.execute(_ORGANIZATIONS, {"organizations": asked["organizations"]})
    await connection.execute(_SERVICES, asked)
