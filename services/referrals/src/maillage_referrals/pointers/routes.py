from typing import Annotated
from uuid import UUID

from fastapi import Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch, etag
from maillage_referrals.access.party import SUBJECT_SCOPE
from maillage_referrals.access.routes import DirectoryDep, PartyDep, SettingsDep
from maillage_referrals.pointers import service
from maillage_referrals.pointers.schemas import (
    PointerFields,
    PointerPublic,
    PointerRequest,
    SearchRequest,
)
from maillage_referrals.vocabulary import Purpose

router = maillage_router(prefix="/referrals/v1", tags=["pointers"])

Reader = Annotated[Caller, requires(SUBJECT_SCOPE, "referrals:read", individual=True)]
Writer = Annotated[Caller, requires("referrals:write", individual=True)]


@router.post("/pointers", status_code=201)
async def write_pointer(
    caller: Writer,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    directory: DirectoryDep,
    response: Response,
    body: PointerRequest,
) -> PointerPublic:
    """That something exists, of which kind, when, and where it is kept. Never what it says."""
    party.refuse_services()
    pointer = await service.write_pointer(session, party, audit, settings, directory, request=body)
    response.headers["ETag"] = etag(pointer.version)
    return pointer


@router.post("/pointers/search", openapi_extra={"x-no-idempotency": True})
async def search_pointers(
    caller: Reader,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    cursors: CursorsDep,
    body: SearchRequest,
) -> Page[PointerPublic]:
    """What the caller may see of one person; an empty page says nothing about why."""
    party.refuse_services()
    return await service.search_pointers(session, party, audit, cursors, request=body)


@router.get("/pointers/{pointer_id}")
async def read_pointer(
    caller: Reader,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    response: Response,
    pointer_id: UUID,
    purpose: Purpose | None = None,
) -> PointerPublic:
    """A worker states the purpose; the person needs none."""
    party.refuse_services()
    pointer = await service.read_pointer(
        session, party, audit, pointer_id=pointer_id, purpose=purpose
    )
    response.headers["ETag"] = etag(pointer.version)
    return pointer


@router.post("/pointers/{pointer_id}/supersession", status_code=201)
async def supersede_pointer(
    caller: Writer,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    directory: DirectoryDep,
    response: Response,
    pointer_id: UUID,
    body: PointerFields,
    if_match: IfMatch = None,
) -> PointerPublic:
    """A newer entry takes the place of this one, which stays as a tombstone."""
    party.refuse_services()
    pointer = await service.supersede_pointer(
        session,
        party,
        audit,
        settings,
        directory,
        pointer_id=pointer_id,
        if_match=if_match,
        request=body,
    )
    response.headers["ETag"] = etag(pointer.version)
    return pointer


@router.post("/pointers/{pointer_id}/error")
async def mark_pointer_wrong(
    caller: Writer, party: PartyDep, session: WriteSession, audit: Audit, pointer_id: UUID
) -> PointerPublic:
    """Entered in error: unconditional, and may be repeated."""
    party.refuse_services()
    return await service.mark_pointer_wrong(session, party, audit, pointer_id=pointer_id)
