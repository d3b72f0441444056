"""Reads of locations: only through the cards of services that the reader may see."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.visibility import Layer, visible_record_sql

# What the card tells of the place: nothing but its id when it is confidential.
_TOLD = (
    "(SELECT place FROM jsonb_array_elements(c.content->'locations') place"
    " WHERE place->>'id' = l.id::text LIMIT 1)"
)
_LOCATIONS = """
SELECT l.id, l.organization_id, seen.services, seen.told
FROM location l
CROSS JOIN LATERAL (
    SELECT array_agg(c.resource_id ORDER BY c.resource_id) AS services,
        (array_agg({told} ORDER BY c.resource_id))[1] AS told
    FROM service_at_location sal
    JOIN card c ON c.resource_id = sal.service_id AND c.resource_type = 'service'
    WHERE sal.location_id = l.id AND {visible} {of_service}
) seen
WHERE seen.services IS NOT NULL AND {where}
ORDER BY l.id LIMIT :row_count
"""
_AT_LOCATIONS = """
SELECT sal.id, sal.service_id, {told} AS told
FROM service_at_location sal
JOIN location l ON l.id = sal.location_id
JOIN card c ON c.resource_id = sal.service_id AND c.resource_type = 'service'
WHERE {visible} AND {where}
ORDER BY sal.id LIMIT :row_count
"""


async def list_locations(
    session: AsyncSession,
    layer: Layer,
    *,
    location: UUID | None = None,
    organization: UUID | None = None,
    service: UUID | None = None,
    after: UUID | None = None,
    row_count: int = 1,
) -> Sequence[Row[Any]]:
    """By id, from the one after `after`; each filter that is given holds."""
    visible, parameters = visible_record_sql(layer, "c")
    where = _where(
        parameters, {"l.id =": location, "l.organization_id =": organization, "l.id >": after}
    )
    of_service = ""
    if service is not None:
        of_service, parameters["service"] = "AND c.resource_id = :service", service
    statement = _LOCATIONS.format(told=_TOLD, visible=visible, where=where, of_service=of_service)
    return await _rows(session, statement, parameters, row_count)


async def list_at_locations(
    session: AsyncSession,
    layer: Layer,
    *,
    at_location: UUID | None = None,
    location: UUID | None = None,
    organization: UUID | None = None,
    service: UUID | None = None,
    after: UUID | None = None,
    row_count: int = 1,
) -> Sequence[Row[Any]]:
    visible, parameters = visible_record_sql(layer, "c")
    where = _where(
        parameters,
        {
            "sal.id =": at_location,
            "l.id =": location,
            "c.organization_id =": organization,
            "sal.service_id =": service,
            "sal.id >": after,
        },
    )
    statement = _AT_LOCATIONS.format(told=_TOLD, visible=visible, where=where)
    return await _rows(session, statement, parameters, row_count)


def _where(parameters: dict[str, Any], asked: dict[str, UUID | None]) -> str:
    """The clauses of what is given; their values go into `parameters`."""
    clauses = []
    for number, (clause, value) in enumerate(asked.items()):
        if value is not None:
            clauses.append(f"{clause} :asked_{number}")
            parameters[f"asked_{number}"] = value
    return " AND ".join(clauses) or "true"


async def _rows(
    session: AsyncSession, statement: str, parameters: dict[str, Any], row_count: int
) -> Sequence[Row[Any]]:
    connection = await session.connection()
    found = await connection.execute(text(statement), {**parameters, "row_count": row_count})
    return found.all()
