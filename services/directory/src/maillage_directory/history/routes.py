"""`/directory/v1/services/{id}/history` and `/directory/v1/organizations/{id}/history`."""

from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page
from maillage_directory.callers import Professional
from maillage_directory.history import service
from maillage_directory.history.schemas import FieldChangePublic
from maillage_directory.models import ResourceType

router = maillage_router(prefix="/directory/v1", tags=["history"])


@router.get(
    "/services/{service_id}/history", name="service_history", response_model_exclude_unset=True
)
async def service_history(
    service_id: UUID,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Professional,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[FieldChangePublic]:
    """What changed, field by field, newest first; kept after a deletion or a merge."""
    rows, next_cursor = await service.read_history(
        session,
        ResourceType.SERVICE,
        service_id,
        caller=caller,
        cursors=cursors,
        cursor=cursor,
        limit=limit,
    )
    return Page(
        items=[FieldChangePublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.get(
    "/organizations/{organization_id}/history",
    name="organization_history",
    response_model_exclude_unset=True,
)
async def organization_history(
    organization_id: UUID,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Professional,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[FieldChangePublic]:
    """What changed, field by field, newest first; kept after a deletion or a merge."""
    rows, next_cursor = await service.read_history(
        session,
        ResourceType.ORGANIZATION,
        organization_id,
        caller=caller,
        cursors=cursors,
        cursor=cursor,
        limit=limit,
    )
    return Page(
        items=[FieldChangePublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )
