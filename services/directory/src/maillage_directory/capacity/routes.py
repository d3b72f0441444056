"""Capacity reports, of one service and of many at once."""

from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page
from maillage_directory.callers import Editor, Professional
from maillage_directory.capacity import service
from maillage_directory.capacity.schemas import (
    CapacityReportPublic,
    CapacityReportsPublic,
    NewCapacityReport,
    NewCapacityReports,
)

router = maillage_router(prefix="/directory/v1", tags=["capacity"])


@router.post("/services/{service_id}/capacity-reports", name="report_capacity", status_code=201)
async def report_capacity(
    service_id: UUID,
    payload: NewCapacityReport,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> CapacityReportPublic:
    """Say whether the service can take someone; after `valid_until` that is unknown again."""
    row = await service.report_capacity(session, service_id, payload, caller=caller, audit=audit)
    return CapacityReportPublic.model_validate(row)


@router.get("/services/{service_id}/capacity-reports", name="list_capacity_reports")
async def list_capacity_reports(
    service_id: UUID,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Professional,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[CapacityReportPublic]:
    """What was reported, newest observation first."""
    rows, next_cursor = await service.read_history(
        session, service_id, caller=caller, cursors=cursors, cursor=cursor, limit=limit
    )
    return Page(
        items=[CapacityReportPublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.post("/capacity-reports", name="report_capacities", status_code=201)
async def report_capacities(
    payload: NewCapacityReports, session: WriteSession, audit: Audit, caller: Editor
) -> CapacityReportsPublic:
    """Many services in one call, all or none."""
    rows = await service.report_capacities(session, payload.reports, caller=caller, audit=audit)
    return CapacityReportsPublic(items=[CapacityReportPublic.model_validate(row) for row in rows])
