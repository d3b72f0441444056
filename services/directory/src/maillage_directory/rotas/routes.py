"""`/directory/v1/rotas`: who of a group of services is on duty when."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.answers import JsonAnswer, answer_one
from maillage_directory.callers import AcceptLanguage, Anyone, Editor
from maillage_directory.languages import preferred
from maillage_directory.rotas import service
from maillage_directory.rotas.schemas import RotaContent, RotaParams, RotaPublic

router = maillage_router(prefix="/directory/v1", tags=["rotas"])
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": RotaPublic}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": RotaPublic}}


@router.get("/rotas", name="list_rotas")
async def list_rotas(
    params: Annotated[RotaParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Page[RotaPublic]:
    """Rotas with their turns and who is on duty now."""
    return await service.read_rotas(
        session, params, caller=caller, language=preferred(accept_language), cursors=cursors
    )


@router.get("/rotas/{rota_id}", name="get_rota", responses=_ONE, response_class=JsonAnswer)
async def get_rota(
    rota_id: UUID,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    rota = await service.read_rota(session, rota_id, caller=caller, language=language)
    return answer_one(rota, version=rota.version, language=language)


@router.post(
    "/rotas", name="create_rota", status_code=201, responses=_MADE, response_class=JsonAnswer
)
async def create_rota(
    payload: RotaContent,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Response:
    rota_id = await service.create_rota(session, payload, caller=caller, audit=audit)
    language = preferred(accept_language)
    rota = await service.read_rota(session, rota_id, caller=caller, language=language)
    return answer_one(
        rota,
        version=rota.version,
        language=language,
        status=201,
        location=f"/directory/v1/rotas/{rota_id}",
    )


@router.put("/rotas/{rota_id}", name="replace_rota", responses=_ONE, response_class=JsonAnswer)
async def replace_rota(
    rota_id: UUID,
    payload: RotaContent,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Say anew what the rota is, all its turns included."""
    await service.replace_rota(
        session, rota_id, payload, if_match=if_match, caller=caller, audit=audit
    )
    language = preferred(accept_language)
    rota = await service.read_rota(session, rota_id, caller=caller, language=language)
    return answer_one(rota, version=rota.version, language=language)


@router.delete("/rotas/{rota_id}", name="delete_rota", status_code=204)
async def delete_rota(rota_id: UUID, session: WriteSession, audit: Audit, caller: Editor) -> None:
    await service.delete_rota(session, rota_id, caller=caller, audit=audit)
