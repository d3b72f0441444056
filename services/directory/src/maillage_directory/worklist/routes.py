"""`/directory/v1/worklist`."""

from typing import Annotated

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.auth import Caller, requires
from maillage_common.database import ReadSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import AcceptLanguage
from maillage_directory.languages import preferred
from maillage_directory.visibility import ADMIN, VERIFY, WRITE
from maillage_directory.worklist import service
from maillage_directory.worklist.schemas import WorklistParams, WorkPublic

router = maillage_router(prefix="/directory/v1", tags=["worklist"])
Checker = Annotated[Caller, requires(WRITE, VERIFY, ADMIN)]


@router.get("/worklist", name="read_worklist")
async def read_worklist(
    params: Annotated[WorklistParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Checker,
    accept_language: AcceptLanguage = None,
) -> Page[WorkPublic]:
    """What is due to be checked among the records the caller may edit, the longest due first."""
    items, next_cursor = await service.read_worklist(
        session,
        params,
        caller=caller,
        cursors=cursors,
        language=preferred(accept_language),
        vocabulary=request.app.state.vocabulary,
    )
    return Page(items=[WorkPublic.model_validate(one) for one in items], next_cursor=next_cursor)
