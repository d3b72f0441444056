"""`/directory/v1/reports/…`."""

from typing import Annotated

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_directory.callers import AcceptLanguage, Professional
from maillage_directory.languages import preferred
from maillage_directory.reports import service
from maillage_directory.reports.schemas import (
    FieldParity,
    ParityParams,
    ParityReport,
    TerritoryReport,
)

router = maillage_router(prefix="/directory/v1", tags=["reports"])


@router.get("/reports/parity", name="report_parity")
async def report_parity(
    params: Annotated[ParityParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Professional,
) -> ParityReport:
    """Which fields are told in French, in Dutch, in both."""
    rows = await service.read_parity(
        session, params, caller=caller, vocabulary=request.app.state.vocabulary
    )
    return ParityReport(items=[FieldParity.model_validate(row) for row in rows])


@router.get("/reports/territories/{code}", name="report_territory")
async def report_territory(
    code: str,
    request: Request,
    session: ReadSession,
    caller: Professional,
    accept_language: AcceptLanguage = None,
) -> TerritoryReport:
    """What is offered by need and territory, what was missing, and how old the checks are."""
    report = await service.read_territory(
        session,
        code,
        caller=caller,
        language=preferred(accept_language),
        vocabulary=request.app.state.vocabulary,
    )
    return TerritoryReport.model_validate(report)
