"""`/directory/v1/diagnostics`: a small library of local diagnoses."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.answers import JsonAnswer, answer_one
from maillage_directory.callers import AcceptLanguage, Anyone, Editor
from maillage_directory.diagnostics import service
from maillage_directory.diagnostics.schemas import (
    DiagnosticContent,
    DiagnosticParams,
    DiagnosticPublic,
)
from maillage_directory.languages import preferred

router = maillage_router(prefix="/directory/v1", tags=["diagnostics"])
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": DiagnosticPublic}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": DiagnosticPublic}}


@router.get("/diagnostics", name="list_diagnostics")
async def list_diagnostics(
    params: Annotated[DiagnosticParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Page[DiagnosticPublic]:
    """Newest first."""
    return await service.read_diagnostics(
        session,
        params,
        caller=caller,
        language=preferred(accept_language),
        cursors=cursors,
        vocabulary=request.app.state.vocabulary,
    )


@router.get(
    "/diagnostics/{diagnostic_id}", name="get_diagnostic", responses=_ONE, response_class=JsonAnswer
)
async def get_diagnostic(
    diagnostic_id: UUID,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    found = await service.read_diagnostic(session, diagnostic_id, caller=caller, language=language)
    return answer_one(found, version=found.version, language=language)


@router.post(
    "/diagnostics",
    name="create_diagnostic",
    status_code=201,
    responses=_MADE,
    response_class=JsonAnswer,
)
async def create_diagnostic(
    payload: DiagnosticContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> Response:
    diagnostic_id = await service.create_diagnostic(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    made = await service.read_diagnostic(session, diagnostic_id, caller=caller, language=language)
    return answer_one(
        made,
        version=made.version,
        language=language,
        status=201,
        location=f"/directory/v1/diagnostics/{diagnostic_id}",
    )


@router.put(
    "/diagnostics/{diagnostic_id}",
    name="replace_diagnostic",
    responses=_ONE,
    response_class=JsonAnswer,
)
async def replace_diagnostic(
    diagnostic_id: UUID,
    payload: DiagnosticContent,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """Say anew what it is."""
    await service.replace_diagnostic(
        session,
        diagnostic_id,
        payload,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    found = await service.read_diagnostic(session, diagnostic_id, caller=caller, language=language)
    return answer_one(found, version=found.version, language=language)


@router.delete("/diagnostics/{diagnostic_id}", name="delete_diagnostic", status_code=204)
async def delete_diagnostic(
    diagnostic_id: UUID, session: WriteSession, audit: Audit, caller: Editor
) -> None:
    await service.delete_diagnostic(session, diagnostic_id, caller=caller, audit=audit)
