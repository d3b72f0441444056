"""`/directory/v1/territories`."""

from typing import Annotated

from fastapi import Header, Query

from maillage_common.app import maillage_router
from maillage_common.auth import Caller, open_to_anyone
from maillage_common.database import ReadSession
from maillage_directory.languages import preferred
from maillage_directory.territories import queries, service
from maillage_directory.territories.schemas import (
    Resolved,
    ResolveParams,
    TerritoriesPublic,
    TerritoryDetail,
    TerritoryParams,
)

router = maillage_router(prefix="/directory/v1", tags=["territories"])
Anyone = Annotated[Caller, open_to_anyone()]
AcceptLanguage = Annotated[str | None, Header(description="fr, nl or en")]


@router.get("/territories", name="list_territories")
async def list_territories(
    params: Annotated[TerritoryParams, Query()],
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> TerritoriesPublic:
    language = preferred(accept_language)
    rows = await queries.list_territories(session, params.kind)
    return TerritoriesPublic(items=[service.shown(row, language) for row in rows])


@router.get("/territories/resolve", name="resolve_territory")
async def resolve_territory(
    params: Annotated[ResolveParams, Query()],
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Resolved:
    """Which territories hold this place; says when that is not certain."""
    return await service.resolve(session, params, language=preferred(accept_language))


@router.get("/territories/{code}", name="get_territory")
async def get_territory(
    code: str, session: ReadSession, caller: Anyone, accept_language: AcceptLanguage = None
) -> TerritoryDetail:
    return await service.read_territory(session, code, language=preferred(accept_language))
