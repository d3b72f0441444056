"""`/directory/v1/territories`."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_directory.answers import GeoJsonAnswer, JsonAnswer, answer_whole
from maillage_directory.callers import AcceptLanguage, Admin, Anyone
from maillage_directory.languages import preferred
from maillage_directory.territories import importing, service
from maillage_directory.territories.schemas import (
    NewOutline,
    NewOutlines,
    OutlineOutcomes,
    OutlinePublic,
    OutlineStored,
    Resolved,
    ResolveParams,
    TerritoriesPublic,
    TerritoryContent,
    TerritoryDetail,
    TerritoryParams,
)

router = maillage_router(prefix="/directory/v1", tags=["territories"])
TerritoryCode = Annotated[
    str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
]
# The outline of one commune to the decimetre is about 1 MB; a region's sectors some 20.
_MAX_OUTLINES = 32 * 1024 * 1024


@router.get(
    "/territories",
    name="list_territories",
    responses={200: {"model": TerritoriesPublic}},
    response_class=JsonAnswer,
)
async def list_territories(
    params: Annotated[TerritoryParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    answer = await service.read_territories(
        session, params, language=language, vocabulary=request.app.state.vocabulary
    )
    return answer_whole(answer, language)


@router.get("/territories/resolve", name="resolve_territory")
async def resolve_territory(
    params: Annotated[ResolveParams, Query()],
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Resolved:
    """Which territories hold this place; says when that is not certain."""
    return await service.resolve(session, params, language=preferred(accept_language))


@router.post(
    "/territories/resolve",
    name="resolve_territory_unlogged",
    openapi_extra={"x-no-idempotency": True},
)
async def resolve_territory_unlogged(
    params: ResolveParams,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Resolved:
    """The same in a body, so that where someone is stays out of URLs and their logs."""
    return await service.resolve(session, params, language=preferred(accept_language))


@router.post(
    "/territories/outlines",
    name="import_outlines",
    openapi_extra={"x-max-body-bytes": _MAX_OUTLINES},
)
async def import_outlines(
    payload: NewOutlines, request: Request, session: WriteSession, audit: Audit, caller: Admin
) -> OutlineOutcomes:
    """Outlines of many territories from a GeoJSON FeatureCollection: each good one is kept."""
    return await importing.import_outlines(
        session, payload, audit=audit, vocabulary=request.app.state.vocabulary
    )


@router.get(
    "/territories/{code}",
    name="get_territory",
    responses={200: {"model": TerritoryDetail}},
    response_class=JsonAnswer,
)
async def get_territory(
    code: str, session: ReadSession, caller: Anyone, accept_language: AcceptLanguage = None
) -> Response:
    language = preferred(accept_language)
    return answer_whole(await service.read_territory(session, code, language=language), language)


@router.put("/territories/{code}", name="put_territory")
async def put_territory(
    code: TerritoryCode,
    payload: TerritoryContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Admin,
    accept_language: AcceptLanguage = None,
) -> TerritoryDetail:
    """Make a territory, or say anew what it is and what holds it, with dates."""
    await service.write_territory(
        session, code, payload, audit=audit, vocabulary=request.app.state.vocabulary
    )
    return await service.read_territory(session, code, language=preferred(accept_language))


@router.get(
    "/territories/{code}/outline",
    name="get_outline",
    responses={200: {"model": OutlinePublic}},
    response_class=GeoJsonAnswer,
)
async def get_outline(
    code: str, session: ReadSession, caller: Anyone, accept_language: AcceptLanguage = None
) -> Response:
    """The outline as a GeoJSON Feature, WGS 84."""
    language = preferred(accept_language)
    found = await importing.read_outline_of(session, code, language=language)
    return answer_whole(found, language, response_class=GeoJsonAnswer)


@router.put(
    "/territories/{code}/outline",
    name="put_outline",
    openapi_extra={"x-max-body-bytes": _MAX_OUTLINES},
)
async def put_outline(
    code: TerritoryCode, payload: NewOutline, session: WriteSession, audit: Audit, caller: Admin
) -> OutlineStored:
    """Replace the outline of one territory."""
    return await importing.import_outline(session, code, payload, audit=audit)
