"""Use cases: a service, or many at once, say whether they can take someone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, cut_page
from maillage_directory import projection
from maillage_directory.capacity.queries import list_reports, visible_services
from maillage_directory.capacity.schemas import NewCapacityReport, ServiceCapacityReport
from maillage_directory.errors import NotYourOrganization, ServiceNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.models import CapacityReport
from maillage_directory.records.rows import CAPACITY_HOLDS_FOR, CLOCK_SKEW
from maillage_directory.records.writing import add_history
from maillage_directory.visibility import layer_of


async def report_capacity(
    session: AsyncSession,
    service_id: UUID,
    payload: NewCapacityReport,
    *,
    caller: Caller,
    audit: AuditTrail,
) -> dict[str, Any]:
    """One report; raises ServiceNotFound, NotYourOrganization, InvalidRequest."""
    layer = layer_of(caller)
    editable = await visible_services(session, layer, [service_id])
    if service_id not in editable:
        raise ServiceNotFound
    if not editable[service_id]:
        raise NotYourOrganization
    now = clock.now()
    faults = _faults(payload, now, pointer="")
    if faults:
        raise InvalidRequest("See `errors` for each field.", errors=faults)
    row = _row(service_id, payload, now)
    await _store(session, [row], audit)
    return row


async def report_capacities(
    session: AsyncSession,
    reports: Sequence[ServiceCapacityReport],
    *,
    caller: Caller,
    audit: AuditTrail,
) -> list[dict[str, Any]]:
    """Many reports, all or none; raises InvalidRequest with a pointer for each bad one."""
    layer = layer_of(caller)
    editable = await visible_services(session, layer, [report.service for report in reports])
    now = clock.now()
    faults: list[FieldError] = []
    for number, report in enumerate(reports):
        pointer = f"/reports/{number}"
        if report.service not in editable:
            faults.append(
                FieldError(ServiceNotFound.code, ServiceNotFound.title, f"{pointer}/service")
            )
        elif not editable[report.service]:
            faults.append(
                FieldError(
                    NotYourOrganization.code, NotYourOrganization.title, f"{pointer}/service"
                )
            )
        faults += _faults(report, now, pointer=pointer)
    if faults:
        raise InvalidRequest("Nothing was written. See `errors` for each report.", errors=faults)
    rows = [_row(report.service, report, now) for report in reports]
    await _store(session, rows, audit)
    return rows


async def read_history(
    session: AsyncSession,
    service_id: UUID,
    *,
    caller: Caller,
    cursors: Cursors,
    cursor: str | None,
    limit: int,
) -> tuple[list[CapacityReport], str | None]:
    """The reports of a service, newest first, and the next cursor; raises ServiceNotFound."""
    if service_id not in await visible_services(session, layer_of(caller), [service_id]):
        raise ServiceNotFound
    query = ["capacity-reports", str(service_id)]
    after = None
    if cursor is not None:
        observed_at, last_id = cursors.decode(cursor, query=query)
        after = (datetime.fromisoformat(observed_at), UUID(last_id))
    rows = await list_reports(session, service_id, limit=limit + 1, after=after)
    return cut_page(
        rows,
        limit,
        key=lambda row: [row.observed_at.isoformat(), str(row.id)],
        cursors=cursors,
        query=query,
    )


def _faults(report: NewCapacityReport, now: datetime, *, pointer: str) -> list[FieldError]:
    observed_at = report.observed_at or now
    faults = []
    if observed_at > now + CLOCK_SKEW:
        faults.append(
            FieldError("in_the_future", "An observation lies in the past", f"{pointer}/observed_at")
        )
    if report.valid_until is not None and report.valid_until <= observed_at:
        faults.append(
            FieldError(
                "dates_out_of_order",
                "It is valid until after it was observed",
                f"{pointer}/valid_until",
            )
        )
    return faults


def _row(service_id: UUID, report: NewCapacityReport, now: datetime) -> dict[str, Any]:
    observed_at = report.observed_at or now
    return {
        "id": uuid7(),
        "service_id": service_id,
        "status": report.status,
        "places": report.places,
        "unit": report.unit,
        "waiting_days": report.waiting_days,
        "observed_at": observed_at,
        "valid_until": report.valid_until or observed_at + CAPACITY_HOLDS_FOR,
        "confidence": report.confidence,
        "source": report.source,
    }


async def _store(session: AsyncSession, rows: list[dict[str, Any]], audit: AuditTrail) -> None:
    await add_history(session, {CapacityReport: rows})
    await projection.refresh(session, services=[row["service_id"] for row in rows])
    for row in rows:
        audit.record(
            AuditEvent.CAPACITY_REPORTED,
            entity="service",
            entity_id=row["service_id"],
            changes={"status": row["status"].value},
        )
