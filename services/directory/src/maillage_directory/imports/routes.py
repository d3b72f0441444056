"""`/directory/v1/imports`: send a file, follow it, read its row report, decide."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import Editor
from maillage_directory.errors import NotYourOrganization
from maillage_directory.imports import queries, service
from maillage_directory.imports.schemas import (
    ImportDecision,
    ImportParams,
    ImportPublic,
    ImportRow,
    RowParams,
)
from maillage_directory.settings import Settings
from maillage_directory.visibility import layer_of

router = maillage_router(prefix="/directory/v1", tags=["imports"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}},
    "x-no-idempotency": True,
    # Bounded while it is read, by the setting for imports.
    "x-max-body-bytes": None,
}


@router.post("/imports", name="import_file", status_code=202, openapi_extra=_FILE)
async def import_file(
    params: Annotated[ImportParams, Query()],
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> ImportPublic:
    """Send a file as the body. An editor's file changes the own organization's records only."""
    settings: Settings = request.app.state.settings
    layer = layer_of(caller)
    if not layer.is_admin and layer.organization is None:
        raise NotYourOrganization("The token names no organization.")
    own = frozenset({layer.organization}) if layer.organization else frozenset[UUID]()
    held = await service.receive_file(
        session,
        audit,
        params,
        request.stream(),
        layer=layer,
        only_for=None if layer.is_admin else own,
        max_bytes=settings.max_import_bytes,
    )
    return service.describe(held)


@router.get("/imports/{import_id}", name="get_import")
async def get_import(import_id: UUID, session: ReadSession, caller: Editor) -> ImportPublic:
    """How far it is, and what became of its records."""
    return service.describe(await queries.get_import(session, import_id, layer_of(caller)))


@router.get("/imports/{import_id}/rows", name="list_import_rows")
async def list_import_rows(
    import_id: UUID,
    params: Annotated[RowParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Editor,
) -> Page[ImportRow]:
    """What is wrong, or worth knowing, line by line."""
    await queries.get_import(session, import_id, layer_of(caller))
    return await queries.list_rows(session, cursors, import_id, params)


@router.post("/imports/{import_id}/decision", name="decide_import")
async def decide_import(
    import_id: UUID, given: ImportDecision, session: WriteSession, audit: Audit, caller: Editor
) -> ImportPublic:
    """After a dry run: apply the same file, or cancel."""
    held = await service.decide(session, audit, import_id, given.decision, layer=layer_of(caller))
    return service.describe(held)
