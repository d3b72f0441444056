"""`/directory/v1/events`: the shared agenda."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.agenda import service
from maillage_directory.agenda.calendar import MEDIA_TYPE, calendar_of
from maillage_directory.agenda.schemas import (
    AttendancePublic,
    AttendancesPublic,
    EventContent,
    EventDetail,
    EventHeld,
    EventPageParams,
    EventParams,
    NewAttendance,
)
from maillage_directory.answers import JsonAnswer, answer_one
from maillage_directory.callers import AcceptLanguage, Anyone, Editor, Professional
from maillage_directory.languages import preferred

router = maillage_router(prefix="/directory/v1", tags=["events"])
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": EventDetail}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": EventDetail}}


@router.get("/events", name="list_events")
async def list_events(
    params: Annotated[EventPageParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Page[EventHeld]:
    """Every time that an event is held in the period, by start."""
    return await service.read_events(
        session,
        params,
        caller=caller,
        language=preferred(accept_language),
        cursors=cursors,
        vocabulary=request.app.state.vocabulary,
    )


@router.get(
    "/events.ics",
    name="list_events_as_calendar",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def list_events_as_calendar(
    params: Annotated[EventParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    """The same as iCalendar, to subscribe to."""
    language = preferred(accept_language)
    found = await service.list_held(
        session, params, caller=caller, vocabulary=request.app.state.vocabulary
    )
    return Response(
        calendar_of(found, language=language),
        media_type=MEDIA_TYPE,
        headers={
            "Content-Disposition": 'inline; filename="agenda.ics"',
            "Content-Language": language,
            "Vary": "Accept-Language",
        },
    )


@router.get("/events/{event_id}", name="get_event", responses=_ONE, response_class=JsonAnswer)
async def get_event(
    event_id: UUID,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    event = await service.read_event(session, event_id, caller=caller, language=language)
    return answer_one(event, version=event.version, language=language)


@router.post(
    "/events", name="create_event", status_code=201, responses=_MADE, response_class=JsonAnswer
)
async def create_event(
    payload: EventContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Response:
    event_id = await service.create_event(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    event = await service.read_event(session, event_id, caller=caller, language=language)
    return answer_one(
        event,
        version=event.version,
        language=language,
        status=201,
        location=f"/directory/v1/events/{event_id}",
    )


@router.put("/events/{event_id}", name="replace_event", responses=_ONE, response_class=JsonAnswer)
async def replace_event(
    event_id: UUID,
    payload: EventContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Say anew what the event is."""
    await service.replace_event(
        session,
        event_id,
        payload,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    event = await service.read_event(session, event_id, caller=caller, language=language)
    return answer_one(event, version=event.version, language=language)


@router.delete("/events/{event_id}", name="delete_event", status_code=204)
async def delete_event(event_id: UUID, session: WriteSession, audit: Audit, caller: Editor) -> None:
    await service.delete_event(session, event_id, caller=caller, audit=audit)


@router.post("/events/{event_id}/attendance", name="count_attendance", status_code=201)
async def count_attendance(
    event_id: UUID,
    payload: NewAttendance,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> AttendancePublic:
    """How many came, once it was held. Never who."""
    kept = await service.count_attendance(
        session,
        event_id,
        payload,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    return AttendancePublic.model_validate(kept)


@router.get("/events/{event_id}/attendance", name="list_attendance")
async def list_attendance(
    event_id: UUID, session: ReadSession, caller: Professional
) -> AttendancesPublic:
    kept = await service.read_attendance(session, event_id, caller=caller)
    return AttendancesPublic(
        items=[AttendancePublic.model_validate(one) for one in kept],
        present=sum(one.present for one in kept),
    )
