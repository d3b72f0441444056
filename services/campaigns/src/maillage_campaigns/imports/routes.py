"""Pushing a call list, following it, reading its row report, deciding."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response
from python_multipart.multipart import parse_options_header

from maillage_campaigns.errors import FileTooLarge, MalformedMultipart, NotAList
from maillage_campaigns.imports import queries, service
from maillage_campaigns.imports.multipart import FilePart
from maillage_campaigns.imports.schemas import DecisionGiven, ImportPublic, RowIssue
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Severity
from maillage_campaigns.settings import Settings
from maillage_campaigns.tenancy import LISTS, tenant_of
from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page

BackOffice = Annotated[Caller, requires(LISTS)]
CSV_TYPES = frozenset({"text/csv", "application/csv", "text/plain", "application/octet-stream"})
LIST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    },
    "x-no-idempotency": True,
    # Bounded below, by the setting for lists.
    "x-max-body-bytes": None,
}
# A multipart body is a little longer than the file in it.
ENVELOPE_BYTES = 64 * 1024


router = maillage_router(prefix="/campaigns/v1", tags=["imports"])


@router.post("/campaigns/{campaign_id}/imports", status_code=201, openapi_extra=LIST_BODY)
async def push_list(
    campaign_id: UUID, caller: BackOffice, session: WriteSession, audit: Audit, request: Request
) -> Response:
    """Push a call list (CSV), as the body or as a multipart file.

    201 with a new import, or 200 with the one that the same bytes already made.
    """
    tenant = tenant_of(caller)
    settings: Settings = request.app.state.settings
    keys = TenantKeys(settings.secret, tenant)
    body, file_name = _list_body(request, most=settings.max_import_bytes + ENVELOPE_BYTES)
    await service.check_campaign(session, campaign_id)
    held, is_new = await service.receive_list(
        session, audit, settings, keys, campaign_id=campaign_id, body=body, file_name=file_name
    )
    return Response(
        service.describe(held, keys, settings).model_dump_json(),
        status_code=201 if is_new else 200,
        media_type="application/json",
        headers={"Location": f"/campaigns/v1/imports/{held.id}"},
    )


@router.get("/imports/{import_id}")
async def read_import(
    import_id: UUID, caller: BackOffice, session: WriteSession, request: Request
) -> ImportPublic:
    """Stage, counts and remaining time of an import."""
    tenant, settings = tenant_of(caller), request.app.state.settings
    held = await queries.get_import(session, import_id, tenant=tenant)
    return service.describe(held, TenantKeys(settings.secret, tenant), settings)


@router.get("/imports/{import_id}/rows")
async def list_rows(
    import_id: UUID,
    caller: BackOffice,
    session: WriteSession,
    cursors: CursorsDep,
    severity: Severity | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[RowIssue]:
    """The row report: what is wrong, where, and what becomes of the row."""
    tenant = tenant_of(caller)
    await queries.get_import(session, import_id, tenant=tenant)
    return await queries.list_issues(
        session,
        cursors,
        import_id,
        tenant=tenant,
        severity=severity,
        limit=limit,
        cursor=cursor,
    )


@router.post("/imports/{import_id}/decision")
async def decide_import(
    import_id: UUID,
    given: DecisionGiven,
    caller: BackOffice,
    session: WriteSession,
    audit: Audit,
    request: Request,
) -> ImportPublic:
    """Approve: the good rows go in. Cancel: nothing does, and the file is erased."""
    tenant, settings = tenant_of(caller), request.app.state.settings
    held = await service.decide(session, audit, settings, import_id, given, tenant=tenant)
    return service.describe(held, TenantKeys(settings.secret, tenant), settings)


def _list_body(
    request: Request, *, most: int
) -> tuple[AsyncIterator[bytes], Callable[[], str | None]]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        if not options.get(b"boundary"):
            raise MalformedMultipart("The content type names no boundary.")
        part = FilePart(options[b"boundary"])
        return part.stream(_bounded(request, most)), lambda: _short(part.name)
    if kind.decode("latin-1") not in CSV_TYPES:
        raise NotAList("Save the sheet as CSV; a list comes as text/csv or multipart/form-data.")
    _, disposition = parse_options_header(request.headers.get("content-disposition", ""))
    name = disposition.get(b"filename", b"").decode("utf-8", "replace")
    return _bounded(request, most), lambda: _short(name)


async def _bounded(request: Request, most: int) -> AsyncIterator[bytes]:
    received = 0
    async for data in request.stream():
        received += len(data)
        if received > most:
            raise FileTooLarge("Split the list.")
        yield data


def _short(name: str | None) -> str | None:
    return name.replace("\\", "/").rsplit("/", 1)[-1][:200] if name else None
