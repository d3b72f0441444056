"""`/directory/v1/enquiries`: a professional asks the desk of a territory, without a person."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import AcceptLanguage, Editor, Professional
from maillage_directory.enquiries import service
from maillage_directory.enquiries.schemas import (
    EnquiryParams,
    EnquiryPublic,
    NewAnswer,
    NewEnquiry,
)
from maillage_directory.languages import preferred

router = maillage_router(prefix="/directory/v1", tags=["enquiries"])


@router.post("/enquiries", name="ask_enquiry", status_code=201)
async def ask_enquiry(
    payload: NewEnquiry,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Professional,
    accept_language: AcceptLanguage = None,
) -> EnquiryPublic:
    """Ask what there is for a need, under coded constraints."""
    enquiry_id = await service.ask(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    return await service.read_enquiry(session, enquiry_id, caller=caller, language=language)


@router.get("/enquiries", name="list_enquiries")
async def list_enquiries(
    params: Annotated[EnquiryParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Professional,
    accept_language: AcceptLanguage = None,
) -> Page[EnquiryPublic]:
    """Those that the caller's organization asked, and those that it may answer; newest first."""
    return await service.read_enquiries(
        session,
        params,
        caller=caller,
        language=preferred(accept_language),
        cursors=cursors,
        vocabulary=request.app.state.vocabulary,
    )


@router.get("/enquiries/{enquiry_id}", name="get_enquiry")
async def get_enquiry(
    enquiry_id: UUID,
    session: ReadSession,
    caller: Professional,
    accept_language: AcceptLanguage = None,
) -> EnquiryPublic:
    language = preferred(accept_language)
    return await service.read_enquiry(session, enquiry_id, caller=caller, language=language)


@router.post("/enquiries/{enquiry_id}/answer", name="answer_enquiry")
async def answer_enquiry(
    enquiry_id: UUID,
    payload: NewAnswer,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    accept_language: AcceptLanguage = None,
) -> EnquiryPublic:
    """Give the services that fit. None at all is noted as a gap."""
    await service.answer(
        session,
        enquiry_id,
        payload,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    return await service.read_enquiry(session, enquiry_id, caller=caller, language=language)


@router.post("/enquiries/{enquiry_id}/withdrawal", name="withdraw_enquiry")
async def withdraw_enquiry(
    enquiry_id: UUID,
    session: WriteSession,
    audit: Audit,
    caller: Professional,
    accept_language: AcceptLanguage = None,
) -> EnquiryPublic:
    await service.withdraw(session, enquiry_id, caller=caller, audit=audit)
    language = preferred(accept_language)
    return await service.read_enquiry(session, enquiry_id, caller=caller, language=language)
