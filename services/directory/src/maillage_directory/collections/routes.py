"""`/directory/v1/collections`: services to share, print or take offline."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.answers import JsonAnswer, answer_one
from maillage_directory.callers import AcceptLanguage, Anyone, Editor
from maillage_directory.collections import service
from maillage_directory.collections.schemas import (
    CollectionBrief,
    CollectionContent,
    CollectionParams,
    CollectionPublic,
)
from maillage_directory.languages import preferred
from maillage_directory.sheets.pages import sheet_headers
from maillage_directory.sheets.schemas import SheetParams

router = maillage_router(prefix="/directory/v1", tags=["collections"])
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": CollectionPublic}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": CollectionPublic}}


@router.get("/collections", name="list_collections")
async def list_collections(
    params: Annotated[CollectionParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Page[CollectionBrief]:
    """Newest first, without their services."""
    return await service.read_collections(
        session,
        params,
        caller=caller,
        language=preferred(accept_language),
        cursors=cursors,
    )


@router.get(
    "/collections/{collection_id}/print",
    name="print_collection",
    response_class=HTMLResponse,
)
async def print_collection(
    collection_id: UUID,
    params: Annotated[SheetParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> HTMLResponse:
    """A page to print, in French, Dutch or English; without anything from elsewhere."""
    language = preferred(accept_language)
    page = await service.print_collection(
        session,
        collection_id,
        params,
        caller=caller,
        language=language,
        vocabulary=request.app.state.vocabulary,
    )
    return HTMLResponse(page, headers=sheet_headers(language))


@router.get(
    "/collections/{collection_id}", name="get_collection", responses=_ONE, response_class=JsonAnswer
)
async def get_collection(
    collection_id: UUID,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    found = await service.read_collection(session, collection_id, caller=caller, language=language)
    return answer_one(found, version=found.version, language=language)


@router.post(
    "/collections",
    name="create_collection",
    status_code=201,
    responses=_MADE,
    response_class=JsonAnswer,
)
async def create_collection(
    payload: CollectionContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Response:
    collection_id = await service.create_collection(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    made = await service.read_collection(session, collection_id, caller=caller, language=language)
    return answer_one(
        made,
        version=made.version,
        language=language,
        status=201,
        location=f"/directory/v1/collections/{collection_id}",
    )


@router.put(
    "/collections/{collection_id}",
    name="replace_collection",
    responses=_ONE,
    response_class=JsonAnswer,
)
async def replace_collection(
    collection_id: UUID,
    payload: CollectionContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Say anew what it is."""
    await service.replace_collection(
        session,
        collection_id,
        payload,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    found = await service.read_collection(session, collection_id, caller=caller, language=language)
    return answer_one(found, version=found.version, language=language)


@router.delete("/collections/{collection_id}", name="delete_collection", status_code=204)
async def delete_collection(
    collection_id: UUID, session: WriteSession, audit: Audit, caller: Editor
) -> None:
    await service.delete_collection(session, collection_id, caller=caller, audit=audit)
