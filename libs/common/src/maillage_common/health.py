"""Health and status of a service.

`/health/live`: the process answers. `/health/ready`: its database does too, migrated at least to
what this code expects. `/<service>/v1/status` (`ops:read`): queue depths and dead letters.
"""

from functools import cache
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import exc, text

from maillage_common.app import maillage_router, plain_router
from maillage_common.auth import Caller, requires
from maillage_common.database import DatabaseDep, DatabaseUnavailable, ReadSession
from maillage_common.draining import is_stopping
from maillage_common.errors import MaillageError, Stopping, render_problem
from maillage_common.migrations import expected_revision, is_behind
from maillage_common.schemas import Answer

Operator = Annotated[Caller, requires("ops:read")]


class NotMigrated(MaillageError):
    status, code, title = 503, "not_migrated", "The database is not at this version's schema"


class Health(Answer):
    status: str


class QueueDepth(Answer):
    """Jobs of one task: waiting, running, and failed for good (dead letters)."""

    task: str
    waiting: int
    running: int
    dead: int


class Status(Answer):
    service: str
    schema_revision: str
    queues: list[QueueDepth]


# Kept, as each building of routes takes milliseconds, and tests make an application each.
@cache
def health_router() -> APIRouter:
    """Routes that load balancers ask; they need no token."""
    router = plain_router("/health", ["health"])

    @router.get("/live")
    async def live() -> Health:
        return Health(status="ok")

    @router.get("/ready", response_model=Health)
    async def ready(request: Request, database: DatabaseDep) -> Health | JSONResponse:
        if is_stopping():
            return await render_problem(request, Stopping())
        try:
            async with database.read() as session:
                revision = (
                    await (await session.connection()).execute(
                        text("SELECT version_num FROM alembic_version")
                    )
                ).scalar_one_or_none()
        except (exc.SQLAlchemyError, OSError):
            return await render_problem(request, DatabaseUnavailable())
        if is_behind(request.app.state.service, revision):
            return await render_problem(request, NotMigrated("Run `migrate` before `serve`."))
        return Health(status="ok")

    return router


@cache
def status_router(service: str) -> APIRouter:
    router = maillage_router(f"/{service}/v1", ["operations"])

    @router.get("/status")
    async def read_status(caller: Operator, session: ReadSession) -> Status:
        """Schema revision and, for each task, how many jobs wait, run and failed for good."""
        connection = await session.connection()
        rows = await connection.execute(
            text(
                "SELECT task_name,"
                " count(*) FILTER (WHERE status = 'todo') AS waiting,"
                " count(*) FILTER (WHERE status = 'doing') AS running,"
                " count(*) FILTER (WHERE status = 'failed') AS dead"
                " FROM procrastinate_jobs GROUP BY task_name ORDER BY task_name"
            )
        )
        return Status(
            service=service,
            schema_revision=expected_revision(service),
            queues=[
                QueueDepth(
                    task=row.task_name, waiting=row.waiting, running=row.running, dead=row.dead
                )
                for row in rows
            ],
        )

    return router
