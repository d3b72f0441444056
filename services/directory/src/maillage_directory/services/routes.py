"""One service: `/directory/v1/services/{service_id}` and what is below it."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from maillage_common import clock
from maillage_common.app import maillage_router, plain_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.preconditions import IfMatch
from maillage_directory.answers import JsonAnswer, answer_with_tag
from maillage_directory.callers import AcceptLanguage, Anyone, Editor
from maillage_directory.cards.schemas import ServicePublic
from maillage_directory.languages import preferred
from maillage_directory.records.merging import ServiceChange
from maillage_directory.services import service
from maillage_directory.services.schemas import NewService
from maillage_directory.services.unchanged import UnchangedRoute, held_by
from maillage_directory.tags import card_tag

router = maillage_router(prefix="/directory/v1", tags=["services"])
reading = plain_router(prefix="/directory/v1", tags=["services"], route_class=UnchangedRoute)
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": ServicePublic}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": ServicePublic}}


@reading.get(
    "/services/{service_id}", name="get_service", responses=_ONE, response_class=JsonAnswer
)
async def get_service(
    service_id: UUID,
    request: Request,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    now = clock.now()
    row, answer = await service.read_card(session, service_id, caller=caller, language=language)
    tag = card_tag(row.version, answer)
    held = held_by(request, tag, request.path_params["service_id"])
    request.app.state.unchanged.remember(held, row, answer["capacity"], now)
    return answer_with_tag(answer, tag=tag, language=language)


@router.post(
    "/services",
    name="create_service",
    status_code=201,
    responses=_MADE,
    response_class=JsonAnswer,
)
async def create_service(
    payload: NewService,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Response:
    service_id = await service.create_service(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    version, answer = await service.read_service(
        session, service_id, caller=caller, language=language
    )
    return answer_with_tag(
        answer,
        tag=card_tag(version, answer),
        language=language,
        status=201,
        location=f"/directory/v1/services/{service_id}",
    )


@router.patch(
    "/services/{service_id}", name="change_service", responses=_ONE, response_class=JsonAnswer
)
async def change_service(
    service_id: UUID,
    change: ServiceChange,  # type: ignore[valid-type]
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """A JSON merge patch (RFC 7396): objects merge, `null` clears, lists are replaced."""
    await service.change_service(
        session,
        service_id,
        change,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    version, answer = await service.read_service(
        session, service_id, caller=caller, language=language
    )
    return answer_with_tag(answer, tag=card_tag(version, answer), language=language)


@router.delete("/services/{service_id}", name="delete_service", status_code=204)
async def delete_service(
    service_id: UUID,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
) -> None:
    """From then on 410, and a tombstone in the feed."""
    await service.delete_service(session, service_id, if_match=if_match, caller=caller, audit=audit)
