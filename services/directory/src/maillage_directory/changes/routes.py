"""`/directory/v1/changes`."""

from typing import Annotated

from fastapi import Query, Response

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_common.pagination import CursorsDep
from maillage_directory.answers import JsonAnswer
from maillage_directory.callers import AcceptLanguage, Anyone
from maillage_directory.changes import service
from maillage_directory.changes.schemas import ChangeParams, ChangesPublic
from maillage_directory.languages import preferred

router = maillage_router(prefix="/directory/v1", tags=["changes"])


@router.get(
    "/changes",
    name="list_changes",
    responses={200: {"model": ChangesPublic}},
    response_class=JsonAnswer,
)
async def list_changes(
    params: Annotated[ChangeParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Every record that changed since a cursor, once, in order, deletions too: what a copy needs.

    410 `feed_moved`: the directory was restored, or you see other records than before.
    """
    language = preferred(accept_language)
    page = await service.read_changes(
        session, params, caller=caller, cursors=cursors, language=language
    )
    return JsonAnswer(page, headers={"Content-Language": language, "Vary": "Accept-Language"})
