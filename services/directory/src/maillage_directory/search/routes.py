"""`GET /directory/v1/services` and `POST /directory/v1/services/search`."""

from typing import Annotated, Any

from fastapi import Header, Query, Request, Response

from maillage_common.app import maillage_router, plain_router
from maillage_common.auth import Caller, open_to_anyone
from maillage_directory.answers import JsonAnswer
from maillage_directory.languages import preferred
from maillage_directory.search import service
from maillage_directory.search.quick import QuickSearchRoute
from maillage_directory.search.schemas import SearchPage, SearchParams

router = maillage_router(prefix="/directory/v1", tags=["search"])
quick = plain_router("/directory/v1", ["search"], QuickSearchRoute)
Anyone = Annotated[Caller, open_to_anyone()]
AcceptLanguage = Annotated[str | None, Header(description="fr, nl or en")]
_PAGE: dict[int | str, dict[str, Any]] = {200: {"model": SearchPage}}


@router.get("/services", name="list_services", responses=_PAGE, response_class=JsonAnswer)
async def list_services(
    params: Annotated[SearchParams, Query()],
    request: Request,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Search the directory; terms in the URL. Pages of ours use the POST twin."""
    return await _answer(params, request, caller, accept_language)


@quick.post(
    "/services/search",
    name="search_services",
    responses=_PAGE,
    response_class=JsonAnswer,
    openapi_extra={"x-no-idempotency": True},
)
async def search_services(
    params: SearchParams,
    request: Request,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    """The same fields in a body, so that terms stay out of URLs and their logs."""
    return await _answer(params, request, caller, accept_language)


async def _answer(
    params: SearchParams,
    request: Request,
    caller: Caller,
    accept_language: str | None,
) -> Response:
    language = preferred(accept_language)
    # Not by dependencies, whose resolving takes a tenth of a search.
    state = request.app.state
    page = await service.search_services(
        state.database,
        params,
        caller=caller,
        language=language,
        cursors=state.cursors,
        vocabulary=state.vocabulary,
        cards=state.kept_cards,
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store"}
    return JsonAnswer(page, headers=headers)
