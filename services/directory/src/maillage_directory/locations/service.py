"""Use cases of locations."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_directory.errors import LocationNotFound, ServiceAtLocationNotFound
from maillage_directory.locations.queries import list_at_locations, list_locations
from maillage_directory.locations.schemas import (
    LocationListed,
    LocationParams,
    ServiceAtLocationParams,
    ServiceAtLocationPublic,
)
from maillage_directory.visibility import layer_of


async def read_location(
    session: AsyncSession, location_id: UUID, *, caller: Caller
) -> LocationListed:
    """Raises LocationNotFound."""
    rows = await list_locations(session, layer_of(caller), location=location_id)
    if not rows:
        raise LocationNotFound
    return _location(rows[0])


async def read_locations(
    session: AsyncSession, params: LocationParams, *, caller: Caller, cursors: Cursors
) -> Page[LocationListed]:
    layer = layer_of(caller)
    query, after = _position(params, "locations", layer.name, cursors)
    rows = await list_locations(
        session,
        layer,
        organization=params.organization,
        service=params.service,
        after=after,
        row_count=params.limit + 1,
    )
    page, cursor = cut_page(
        rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=[_location(row) for row in page], next_cursor=cursor)


async def read_at_location(
    session: AsyncSession, at_location_id: UUID, *, caller: Caller
) -> ServiceAtLocationPublic:
    """Raises ServiceAtLocationNotFound."""
    rows = await list_at_locations(session, layer_of(caller), at_location=at_location_id)
    if not rows:
        raise ServiceAtLocationNotFound
    return _at_location(rows[0])


async def read_at_locations(
    session: AsyncSession, params: ServiceAtLocationParams, *, caller: Caller, cursors: Cursors
) -> Page[ServiceAtLocationPublic]:
    layer = layer_of(caller)
    query, after = _position(params, "service-at-locations", layer.name, cursors)
    rows = await list_at_locations(
        session,
        layer,
        location=params.location,
        organization=params.organization,
        service=params.service,
        after=after,
        row_count=params.limit + 1,
    )
    page, cursor = cut_page(
        rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=[_at_location(row) for row in page], next_cursor=cursor)


def _position(
    params: LocationParams, what: str, layer: str, cursors: Cursors
) -> tuple[dict[str, Any], UUID | None]:
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {what: asked, "layer": layer}
    if params.cursor is None:
        return query, None
    (last,) = cursors.decode(params.cursor, query=query)
    return query, UUID(last)


def _location(row: Any) -> LocationListed:
    told = {name: value for name, value in row.told.items() if name != "at_location"}
    return LocationListed.model_validate(
        {**told, "organization": row.organization_id, "services": row.services}
    )


def _at_location(row: Any) -> ServiceAtLocationPublic:
    told = dict(row.told)
    return ServiceAtLocationPublic.model_validate(
        {
            "id": row.id,
            "service": row.service_id,
            "description": told.pop("at_location", {}),
            "location": told,
        }
    )
