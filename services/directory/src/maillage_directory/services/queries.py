"""Reads of one service."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Location, ResourceType, Service, ServiceAtLocation
from maillage_directory.records.tombstones import refuse_missing
from maillage_directory.records.writing import table_of
from maillage_directory.visibility import Layer, visible_record_sql


async def get_card(session: AsyncSession, layer: Layer, service_id: UUID) -> Row[Any]:
    """The card of a service the caller may see; raises ServiceNotFound or what
    `refuse_missing` says."""
    visible, parameters = visible_record_sql(layer)
    connection = await session.connection()
    found = await connection.execute(
        text(
            "SELECT s.resource_id, s.organization_id, s.content, s.verified_at, s.version,"  # noqa: S608
            " s.updated_at, s.changed_at, s.visibility, s.organization_visibility"
            f" FROM card s WHERE s.resource_id = :id AND s.resource_type = 'service'"
            f" AND {visible}"
        ),
        {**parameters, "id": service_id},
    )
    row = found.first()
    if row is None:
        raise await refuse_missing(session, layer, ResourceType.SERVICE, service_id)
    return row


async def lock_service(session: AsyncSession, service_id: UUID) -> Service | None:
    """The row itself, held until the transaction ends, so that versions grow one by one."""
    found = await session.exec(select(Service).where(Service.id == service_id).with_for_update())
    return found.first()


async def list_locations(session: AsyncSession, service_id: UUID) -> list[dict[str, Any]]:
    """The stored locations of a service, confidential or not: for editing only."""
    location = table_of(Location)
    connection = await session.connection()
    found = await connection.execute(
        location.select()
        .add_columns(col(ServiceAtLocation.description).label("at_location"))
        .join(ServiceAtLocation, col(ServiceAtLocation.location_id) == location.c.id)
        .where(col(ServiceAtLocation.service_id) == service_id)
        .order_by(location.c.id)
    )
    return [dict(row) for row in found.mappings()]
