"""`/directory/v1/territories/{code}/offline`: a territory to take where there is no network."""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import StreamingResponse

from maillage_common.app import maillage_router
from maillage_common.database import DatabaseDep, ReadSession
from maillage_directory.callers import AcceptLanguage, Anyone
from maillage_directory.languages import preferred
from maillage_directory.sheets import service
from maillage_directory.sheets.pages import sheet_headers
from maillage_directory.sheets.schemas import SheetParams
from maillage_directory.visibility import layer_of

router = maillage_router(prefix="/directory/v1", tags=["territories"])
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "One HTML file", "content": {"text/html": {}}}
}


@router.get(
    "/territories/{code}/offline",
    name="get_offline_bundle",
    responses=_PAGE,
    response_class=StreamingResponse,
)
async def get_offline_bundle(
    code: str,
    params: Annotated[SheetParams, Query()],
    request: Request,
    session: ReadSession,
    database: DatabaseDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> StreamingResponse:
    """The services of a territory in one file, to read and search without a network."""
    language = preferred(accept_language)
    content = await service.prepare_bundle(
        session,
        database,
        code,
        params,
        layer=layer_of(caller),
        language=language,
        vocabulary=request.app.state.vocabulary,
    )
    return StreamingResponse(
        content,
        media_type="text/html; charset=utf-8",
        headers={
            **sheet_headers(language),
            "Content-Disposition": 'attachment; filename="services.html"',
        },
    )
