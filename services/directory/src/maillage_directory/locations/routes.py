"""`/directory/v1/locations` and `/directory/v1/service-at-locations`: reads.

Locations are written with the services that are given there.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import Anyone
from maillage_directory.locations import service
from maillage_directory.locations.schemas import (
    LocationListed,
    LocationParams,
    ServiceAtLocationParams,
    ServiceAtLocationPublic,
)

router = maillage_router(prefix="/directory/v1", tags=["locations"])


@router.get("/locations", name="list_locations")
async def list_locations(
    params: Annotated[LocationParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
) -> Page[LocationListed]:
    """Where services are given, by id. Of a confidential place, nothing but its id."""
    return await service.read_locations(session, params, caller=caller, cursors=cursors)


@router.get("/locations/{location_id}", name="get_location")
async def get_location(location_id: UUID, session: ReadSession, caller: Anyone) -> LocationListed:
    return await service.read_location(session, location_id, caller=caller)


@router.get("/service-at-locations", name="list_service_at_locations")
async def list_service_at_locations(
    params: Annotated[ServiceAtLocationParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
) -> Page[ServiceAtLocationPublic]:
    return await service.read_at_locations(session, params, caller=caller, cursors=cursors)


@router.get("/service-at-locations/{at_location_id}", name="get_service_at_location")
async def get_service_at_location(
    at_location_id: UUID, session: ReadSession, caller: Anyone
) -> ServiceAtLocationPublic:
    return await service.read_at_location(session, at_location_id, caller=caller)
