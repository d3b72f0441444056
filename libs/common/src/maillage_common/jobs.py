"""Work for later, in the service's own PostgreSQL (procrastinate).

A job is enqueued by `defer` in the transaction that causes it: both happen or neither does. A
worker that dies leaves its job behind and a periodic task puts it back, so every job runs at least
once and must be idempotent. A job that fails for good stays as a dead letter, counted by
`GET …/status`.
Arguments are ids of our own: never anything about a person.
"""

import functools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import procrastinate
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, StatusCode
from procrastinate import JobContext
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy.engine import make_url
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_common.events import CommonEvent, describe, log
from maillage_common.idempotency import purge_expired_keys
from maillage_common.settings import DatabaseServiceSettings
from maillage_common.telemetry import tracer

Task = Callable[..., Awaitable[None]]


class Backoff(BaseRetryStrategy):
    """2, 4, 8 … seconds up to `cap`, `attempts` runs in all."""

    def __init__(self, *, attempts: int, cap: int) -> None:
        self.attempts = attempts
        self.cap = cap

    def get_retry_decision(
        self,
        *,
        exception: BaseException,  # noqa: ARG002 (procrastinate's signature)
        job: Job,
    ) -> RetryDecision | None:
        if job.attempts + 1 >= self.attempts:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), self.cap)})


# About ten hours: a peer may be down for a night without a job being lost.
RETRY = Backoff(attempts=70, cap=600)

# The order is by priority, then by age: what is due again after an outage is older than all that
# comes now, and would hold it up.
_AWAITED = 1

# Never opened: it only writes the INSERT that `defer` runs on the session's own connection.
_enqueuer = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def defer(
    session: AsyncSession,
    task: str,
    *,
    lock: str | None = None,
    once: str | None = None,
    schedule_at: datetime | None = None,
    awaited: bool = False,
    **arguments: Any,
) -> None:
    """Enqueue `task` in the session's transaction.

    `lock`: jobs with the same lock run one at a time, in order. `once`: at most one waiting job
    with this key; a second is dropped. `awaited`: somebody waits for it, so it goes before what
    only has to happen. `arguments` are JSON values.
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    kwargs = {**arguments, "traceparent": carrier.get("traceparent")}

    async def enqueue() -> None:
        # Asked for inside the savepoint: SQLAlchemy sets it at the connection's first use.
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        job = _enqueuer.configure_task(
            task,
            lock=lock,
            queueing_lock=once,
            schedule_at=schedule_at,
            priority=_AWAITED if awaited else 0,
            connection=driver,
        )
        try:
            await job.defer_async(**kwargs)
        except ConnectorException as error:
            # All that the driver raises is one to procrastinate; to us a lost connection is not.
            raise error.__cause__ or error from None

    if once is None:
        await enqueue()
        return
    try:
        # A refused INSERT would otherwise undo the caller's whole transaction.
        async with session.begin_nested():
            await enqueue()
    except AlreadyEnqueued:
        return


class JobQueue:
    """A service's tasks, and the worker that runs them.

    queue = JobQueue("campaigns")

    @queue.task("merge_import")
    async def merge_import(*, import_id: str) -> None:
        async with queue.database.write(system=SystemReason.IMPORT) as session: ...
    """

    database: Database
    settings: DatabaseServiceSettings

    def __init__(self, service: str) -> None:
        self.service = service
        self.app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self.periodic("retry_stalled", cron="* * * * * */10")(self._retry_stalled)
        self.periodic("purge_idempotency_keys", cron="17 * * * *")(self._purge_keys)

    def task(self, name: str, *, retry: BaseRetryStrategy = RETRY) -> Callable[[Task], Task]:
        """Register a task under the name that `defer` uses."""

        def register(run: Task) -> Task:
            self.app.task(name=name, retry=retry, pass_context=True)(_traced(name, run, retry))
            return run

        return register

    def periodic(self, name: str, *, cron: str) -> Callable[[Callable[[], Awaitable[None]]], Any]:
        """Register a task that runs by the clock (cron; a sixth field at the end: seconds)."""

        def register(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
            async def at_tick(context: JobContext, timestamp: int) -> None:
                await _traced(name, run, RETRY)(context)

            # No `lock`: a killed worker would hold it, and nobody could put its jobs back.
            once = Backoff(attempts=3, cap=5)
            # Awaited: what puts back the jobs of the dead may not queue behind them.
            register_task = self.app.task(
                name=name, retry=once, pass_context=True, queueing_lock=name, priority=_AWAITED
            )
            self.app.periodic(cron=cron)(register_task(at_tick))
            return run

        return register

    async def run(self, settings: DatabaseServiceSettings, *, wait: bool = True) -> None:
        """Run jobs until stopped, or (`wait=False`) until the queue is empty."""
        self.settings = settings
        self.database = Database(settings.database_url, pool_size=settings.database_pool_size)
        connector = procrastinate.PsycopgConnector(
            conninfo=make_url(settings.database_url)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
            min_size=1,
            max_size=settings.worker_concurrency + 2,
        )
        try:
            with self.app.replace_connector(connector):
                async with self.app.open_async():
                    await self.app.run_worker_async(
                        wait=wait,
                        concurrency=settings.worker_concurrency,
                        delete_jobs="successful",
                        shutdown_graceful_timeout=10,
                        install_signal_handlers=wait,
                    )
        finally:
            await self.database.close()

    async def _purge_keys(self) -> None:
        async with self.database.write(system=SystemReason.RETENTION) as session:
            await purge_expired_keys(session)

    async def _retry_stalled(self) -> None:
        for job in await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=30):
            log(CommonEvent.JOB_STALLED, task=job.task_name, job_id=job.id)
            await self.app.job_manager.retry_job(job)


def _traced(
    name: str, run: Callable[..., Awaitable[None]], retry: BaseRetryStrategy
) -> Callable[..., Awaitable[None]]:
    """The job as a span of the trace that enqueued it, with its failure as a coded event."""

    @functools.wraps(run)
    async def traced(
        context: JobContext, *, traceparent: str | None = None, **arguments: Any
    ) -> None:
        parent = propagate.extract({"traceparent": traceparent} if traceparent else {})
        attributes = {
            "messaging.system": "procrastinate",
            "messaging.operation.name": "process",
            "messaging.destination.name": name,
        }
        with tracer().start_as_current_span(
            f"process {name}",
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ):
            try:
                await run(**arguments)
            except Exception as error:
                trace.get_current_span().set_status(StatusCode.ERROR)
                final = retry.get_retry_decision(exception=error, job=context.job) is None
                log(
                    CommonEvent.JOB_DEAD if final else CommonEvent.JOB_FAILED,
                    task=name,
                    job_id=context.job.id,
                    attempts=context.job.attempts + 1,
                    **describe(error),
                )
                raise

    return traced
