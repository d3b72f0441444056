from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlmodel import select

from maillage_common.app import create_app, maillage_router
from maillage_common.audit import Audit, Decision, audit_entry
from maillage_common.auth import Caller, open_to_anyone, requires
from maillage_common.database import WriteSession
from maillage_common.errors import Conflict, NotFound
from maillage_common.jobs import defer
from maillage_common.preconditions import IfMatch, check_if_match, etag
from maillage_common.schemas import Answer, Payload
from maillage_common.webhooks import publish
from maillage_sample.models import Note
from maillage_sample.settings import Settings

router = maillage_router("/sample/v1", ["notes"])
Writer = Annotated[Caller, requires("sample:write")]
Person = Annotated[Caller, requires("sample:write", individual=True)]
Anyone = Annotated[Caller, open_to_anyone()]


class Refused(Conflict):
    code, title = "refused", "Refused on purpose"


class NoteCreate(Payload):
    words: str = Field(min_length=1, max_length=40)
    refuse: bool = False
    shout: bool = False


class NotePublic(Answer):
    id: UUID
    words: str


class ListNotesParams(Payload):
    q: str = ""


class NoteList(Answer):
    items: list[NotePublic]


@router.post("/notes", status_code=201)
async def create_note(
    payload: NoteCreate, caller: Writer, session: WriteSession, audit: Audit
) -> NotePublic:
    note = Note.model_validate({"tenant": caller.tenant, "words": payload.words})
    session.add(note)
    await session.flush()
    audit.record("note_created", entity="note", entity_id=note.id)
    if payload.shout:
        await defer(session, "shout", words=payload.words, tenant=caller.tenant, once="shout")
        await publish(session, Settings().webhooks, event="note", subject="s", data={"id": 1})
    if payload.refuse:
        raise Refused
    return NotePublic(id=note.id, words=note.words)


@router.get("/notes")
async def list_notes(
    caller: Writer, session: WriteSession, params: Annotated[ListNotesParams, Query()]
) -> NoteList:
    query = select(Note).where(Note.words >= params.q).order_by(Note.words)
    rows = (await session.exec(query)).all()
    return NoteList(items=[NotePublic.model_validate(row) for row in rows])


@router.post("/notes/search", openapi_extra={"x-no-idempotency": True})
async def search_notes(caller: Writer, session: WriteSession, params: ListNotesParams) -> NoteList:
    return await list_notes(caller, session, params)


@router.get("/notes/{note_id}")
async def read_note(
    note_id: UUID, caller: Writer, session: WriteSession, response: Response
) -> NotePublic:
    note = await session.get(Note, note_id)
    if note is None:
        raise NotFound
    response.headers["ETag"], response.headers["Vary"] = etag(note.version), "Accept-Language"
    return NotePublic(id=note.id, words=note.words)


@router.patch("/notes/{note_id}")
async def change_note(
    note_id: UUID,
    payload: NoteCreate,
    caller: Writer,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = None,
) -> NotePublic:
    note = await session.get(Note, note_id, with_for_update=True)
    if note is None:
        denial = audit_entry(
            caller, "note_changed", entity="note", entity_id=note_id, decision=Decision.DENIED
        )
        raise NotFound(audit=[denial])
    check_if_match(if_match, note.version)
    note.words, note.version = payload.words, note.version + 1
    response.headers["ETag"] = etag(note.version)
    return NotePublic(id=note.id, words=note.words)


@router.get("/stream", response_class=StreamingResponse)
async def stream_notes(
    request: Request, caller: Writer, session: WriteSession, audit: Audit
) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        request.app.state.begun = True
        yield "a note"

    audit.record("notes_read", entity="note", entity_id="all")
    return StreamingResponse(lines(), media_type="text/plain", headers={"ETag": etag(1)})


@router.get("/me")
async def read_me(caller: Person) -> NotePublic:
    raise Refused


@router.get("/boom")
async def boom(caller: Anyone) -> NotePublic:
    raise RuntimeError("a message that may quote Amina")


def create() -> FastAPI:
    return create_app("sample", Settings(), [router], title="Sample")
