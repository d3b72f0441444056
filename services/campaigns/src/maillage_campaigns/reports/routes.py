"""Published tables for the coordinator; progress and contactability for a back office."""

from typing import Annotated
from uuid import UUID

from fastapi import Request

from maillage_campaigns.events import AuditEvent
from maillage_campaigns.reports import publishing, queries
from maillage_campaigns.reports.schemas import (
    ContactabilityItem,
    ProgressPublic,
    PublicationPublic,
    PublicationWanted,
    ReportPublic,
)
from maillage_campaigns.tenancy import LISTS, MANAGE, REPORT, refuse_mixed_scopes, tenant_of
from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page

router = maillage_router(prefix="/campaigns/v1", tags=["reports"])

BackOffice = Annotated[Caller, requires(LISTS)]
Publisher = Annotated[Caller, requires(MANAGE)]
Reader = Annotated[Caller, requires(REPORT, MANAGE)]


@router.post("/tables", status_code=202)
async def publish_tables(
    wanted: PublicationWanted,
    caller: Publisher,
    session: WriteSession,
    audit: Audit,
    request: Request,
) -> PublicationPublic:
    """Publish what happened since the last time, for good. Ready when `published_at` is set."""
    refuse_mixed_scopes(caller)
    threshold = max(wanted.threshold or 0, request.app.state.settings.suppression_threshold)
    made = await publishing.begin_publication(
        session, audit, wanted.campaign_id, threshold=threshold
    )
    return PublicationPublic.model_validate(made)


@router.get("/tables")
async def list_tables(
    caller: Reader,
    session: ReadSession,
    cursors: CursorsDep,
    campaign_id: UUID | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[PublicationPublic]:
    """Publications, newest first."""
    return await queries.list_publications(
        session, cursors, campaign_id=campaign_id, limit=limit, cursor=cursor
    )


@router.get("/tables/{publication_id}")
async def read_tables(publication_id: UUID, caller: Reader, session: ReadSession) -> ReportPublic:
    """One publication with its tables; small cells and what would give them away are null."""
    publication = await queries.get_publication(session, publication_id)
    return await queries.describe_publication(session, publication)


@router.get("/campaigns/{campaign_id}/report")
async def read_report(
    campaign_id: UUID,
    caller: Reader,
    session: ReadSession,
    publication_id: UUID | None = None,
) -> ReportPublic:
    """The campaign's report, from published tables alone."""
    return await queries.get_report(session, campaign_id, publication_id)


@router.get("/campaigns/{campaign_id}/progress")
async def read_progress(
    campaign_id: UUID, caller: BackOffice, session: WriteSession
) -> ProgressPublic:
    """How far the calling of one's own mutuality is."""
    return await queries.get_progress(session, campaign_id, tenant=tenant_of(caller))


@router.get("/contactability")
async def list_contactability(
    caller: BackOffice,
    session: WriteSession,
    audit: Audit,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[ContactabilityItem]:
    """Who moved, died, objected or has no working number, by the list's row they came in on."""
    tenant = tenant_of(caller)
    audit.record(AuditEvent.CONTACTABILITY_READ, entity="tenant", entity_id=tenant)
    return await queries.list_contactability(
        session, cursors, tenant=tenant, limit=limit, cursor=cursor
    )
