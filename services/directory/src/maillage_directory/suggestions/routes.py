"""`/directory/v1/suggestions`, and notes of what is wrong."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.callers import Anyone, Editor
from maillage_directory.models import ResourceType
from maillage_directory.suggestions import service
from maillage_directory.suggestions.schemas import (
    NewNote,
    NewSuggestion,
    NewSuggestionDecision,
    NotePublic,
    SuggestionParams,
    SuggestionPublic,
)
from maillage_directory.visibility import ADMIN, READ, WRITE

router = maillage_router(prefix="/directory/v1", tags=["suggestions"])
Reader = Annotated[Caller, requires(READ, WRITE, ADMIN)]


@router.post("/suggestions", name="suggest", status_code=201)
async def suggest(
    payload: NewSuggestion, request: Request, session: WriteSession, audit: Audit, caller: Reader
) -> SuggestionPublic:
    """Propose a change of a record; any token of the directory will do. Its editors decide."""
    made = await service.suggest(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    return SuggestionPublic.model_validate(made)


@router.get("/suggestions", name="list_suggestions")
async def list_suggestions(
    params: Annotated[SuggestionParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Reader,
) -> Page[SuggestionPublic]:
    """What the caller's organization (or application, without one) proposed, and what is proposed
    for the records of an editor; oldest first."""
    rows, next_cursor = await service.read_suggestions(
        session, params, caller=caller, cursors=cursors
    )
    return Page(
        items=[SuggestionPublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.post("/suggestions/{suggestion_id}/decision", name="decide_suggestion")
async def decide_suggestion(
    suggestion_id: UUID,
    payload: NewSuggestionDecision,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
) -> SuggestionPublic:
    """Accept or reject, once. `If-Match` is the tag of the record that was looked at."""
    await service.decide(
        session,
        suggestion_id,
        payload,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    return SuggestionPublic.model_validate(
        await service.read_suggestion(session, suggestion_id, caller=caller)
    )


@router.post("/suggestions/notes", name="note_problem", status_code=201)
async def note_problem(payload: NewNote, session: WriteSession, caller: Anyone) -> NotePublic:
    """ "This is wrong", by anyone, without words; once a day for each code."""
    return NotePublic.model_validate(await service.note_problem(session, payload, caller=caller))


@router.delete("/services/{service_id}/notes", name="clear_service_notes", status_code=204)
async def clear_service_notes(service_id: UUID, session: WriteSession, caller: Editor) -> None:
    """The editor has looked at what was said to be wrong."""
    await service.clear_notes(session, ResourceType.SERVICE, service_id, caller=caller)


@router.delete(
    "/organizations/{organization_id}/notes", name="clear_organization_notes", status_code=204
)
async def clear_organization_notes(
    organization_id: UUID, session: WriteSession, caller: Editor
) -> None:
    """The editor has looked at what was said to be wrong."""
    await service.clear_notes(session, ResourceType.ORGANIZATION, organization_id, caller=caller)
