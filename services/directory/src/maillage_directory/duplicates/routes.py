"""`/directory/v1/duplicates`: records that may be the same one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch, etag
from maillage_directory.callers import AcceptLanguage, Editor
from maillage_directory.duplicates import service
from maillage_directory.duplicates.schemas import DuplicateParams, DuplicatePublic, NewDecision
from maillage_directory.languages import preferred

router = maillage_router(prefix="/directory/v1", tags=["duplicates"])


@router.get("/duplicates", name="list_duplicates")
async def list_duplicates(
    params: Annotated[DuplicateParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Page[DuplicatePublic]:
    """Undecided pairs of which the caller may edit one; nothing is ever merged by itself."""
    items, next_cursor = await service.read_duplicates(
        session, params, caller=caller, cursors=cursors, language=preferred(accept_language)
    )
    return Page(
        items=[DuplicatePublic.model_validate(item) for item in items], next_cursor=next_cursor
    )


@router.get("/duplicates/{duplicate_id}", name="get_duplicate")
async def get_duplicate(
    duplicate_id: UUID,
    response: Response,
    session: ReadSession,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> DuplicatePublic:
    tag, item = await service.read_duplicate(
        session, duplicate_id, caller=caller, language=preferred(accept_language)
    )
    response.headers["ETag"] = etag(tag)
    return DuplicatePublic.model_validate(item)


@router.post("/duplicates/{duplicate_id}/decision", name="decide_duplicate")
async def decide_duplicate(
    duplicate_id: UUID,
    payload: NewDecision,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Merge into `keep`, or dismiss for good. The merged id answers 308 and keeps its history."""
    await service.decide(
        session,
        duplicate_id,
        payload,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    return {"id": str(duplicate_id), "decision": payload.decision}
