"""`/directory/v1/saved-searches`."""

from uuid import UUID

from fastapi import Request

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import Page
from maillage_directory.callers import Professional
from maillage_directory.saved_searches import service
from maillage_directory.saved_searches.schemas import NewSavedSearch, SavedSearchPublic

router = maillage_router(prefix="/directory/v1", tags=["saved searches"])


@router.post("/saved-searches", name="save_search", status_code=201)
async def save_search(
    payload: NewSavedSearch, request: Request, session: WriteSession, caller: Professional
) -> SavedSearchPublic:
    """From then on the webhook is told which services it finds whenever they change."""
    saved = await service.save_search(
        session, payload, caller=caller, vocabulary=request.app.state.vocabulary
    )
    return SavedSearchPublic.model_validate(service.saved_search_public(saved))


@router.get("/saved-searches", name="list_saved_searches")
async def list_saved_searches(
    session: ReadSession, caller: Professional
) -> Page[SavedSearchPublic]:
    """The application's own, at most a hundred."""
    rows = await service.list_saved_searches(session, caller=caller)
    return Page(
        items=[SavedSearchPublic.model_validate(service.saved_search_public(row)) for row in rows],
        next_cursor=None,
    )


@router.delete("/saved-searches/{search_id}", name="remove_saved_search", status_code=204)
async def remove_saved_search(search_id: UUID, session: WriteSession, caller: Professional) -> None:
    await service.remove_saved_search(session, search_id, caller=caller)
