"""Sessions: one request is one transaction, committed before the answer leaves.

A write session carries its caller into PostgreSQL (`maillage.*` settings of the transaction), where
row-level security reads it. A read session runs on AUTOCOMMIT and carries nothing: it is for tables
without row-level security only. Application code never commits.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, cast

import orjson
import psycopg
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg.pq import TransactionStatus
from sqlalchemy import event, exc, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller, CurrentCaller
from maillage_common.errors import (
    Conflict,
    DependencyUnavailable,
    MaillageError,
    Unprocessable,
    render_problem,
)
from maillage_common.events import CommonEvent, describe, log

if TYPE_CHECKING:
    from maillage_common.reading import Reads

_SET_CALLER = text(
    "SELECT set_config('maillage.subject', :subject, true),"
    " set_config('maillage.client', :client, true),"
    " set_config('maillage.organization', :organization, true),"
    " set_config('maillage.tenant', :tenant, true),"
    " set_config('maillage.function', :function, true),"
    " set_config('maillage.scopes', :scopes, true),"
    " set_config('maillage.system', :system, true)"
)
_CALLER_SETTINGS = "maillage_caller_settings"
# What the driver does not call operational: a server that stands by, as between two primaries, and
# bounds that an operator has set.
_PASSING = (
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)
# Classes of SQLSTATE: the connection, what the server lacks, what its operator does.
_SERVER_AWAY = ("08", "53", "57")


class DatabaseUnavailable(DependencyUnavailable):
    code, title = "database_unavailable", "The database does not answer"


class UnrepresentableValue(Unprocessable):
    code, title = "unrepresentable_value", "A value cannot be stored"


class ConcurrentChange(Conflict):
    code, title = "concurrent_change", "Another request changed the same thing at the same time"


class Database:
    """One engine per process; sessions for reading and for writing."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=False,
            # Reads JSON in a fifth of the standard library's time.
            json_deserializer=orjson.loads,
            connect_args={"connect_timeout": 5},
        )
        self._write = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)
        autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._url, self._pool_size = url, pool_size
        self._reads: Reads | None = None
        self._read = async_sessionmaker(autocommit, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def write(
        self, caller: Caller | None = None, *, system: str | None = None, tenant: str | None = None
    ) -> AsyncIterator[AsyncSession]:
        """A transaction for `caller`, or for the system with a stated reason (and a tenant).

        Commits when the block ends; rolls back on any exception, then writes the audit records
        that the exception carries.
        """
        if (caller is None) == (system is None):
            raise TypeError("a write session has either a caller or a system reason")
        settings = _caller_settings(caller, system=system, tenant=tenant)
        async with self._write() as session:
            session.info[_CALLER_SETTINGS] = settings
            try:
                yield session
                await _refuse_silent_rollback(session)
                await session.commit()
            except MaillageError as error:
                await session.rollback()
                if error.audit:
                    session.add_all(error.audit)
                    await session.commit()
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """An AUTOCOMMIT session, without a caller: for tables without row-level security."""
        async with self._read() as session:
            yield session

    @property
    def reads(self) -> "Reads":
        """Hot reads, past the ORM: see `maillage_common.reading`."""
        if self._reads is None:
            # Imported here: most services have none.
            from maillage_common.reading import Reads

            url = make_url(self._url).set(drivername="postgresql")
            self._reads = Reads(url.render_as_string(hide_password=False), size=self._pool_size)
        return self._reads

    async def close(self) -> None:
        if self._reads is not None:
            await self._reads.close()
        await self.engine.dispose()


class SilentRollback(Exception):
    """Code caught a database error and went on: COMMIT would undo everything and still say OK."""


async def _refuse_silent_rollback(session: AsyncSession) -> None:
    if not session.in_transaction():
        return
    raw = await (await session.connection()).get_raw_connection()
    driver = cast(psycopg.AsyncConnection[Any], raw.driver_connection)
    if driver.info.transaction_status is TransactionStatus.INERROR:
        raise SilentRollback


def _caller_settings(
    caller: Caller | None, *, system: str | None, tenant: str | None
) -> Mapping[str, str]:
    return {
        "subject": caller.subject if caller else "",
        "client": caller.client_id if caller else "",
        "organization": (caller.organization if caller else None) or "",
        "tenant": (caller.tenant if caller else tenant) or "",
        "function": (caller.function if caller else None) or "",
        "scopes": " ".join(sorted(caller.scopes)) if caller else "",
        "system": system or "",
    }


@event.listens_for(Session, "after_begin")
def _carry_caller(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    settings = session.info.get(_CALLER_SETTINGS)
    if settings is not None and not transaction.nested:
        connection.execute(_SET_CALLER, settings)


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def write_session(
    request: Request, database: DatabaseDep, caller: CurrentCaller
) -> AsyncIterator[AsyncSession]:
    async with database.write(caller) as session:
        claim = getattr(request.state, "idempotency", None)
        if claim is not None:
            await claim.begin(session, caller)
        yield session


async def read_session(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.read() as session:
        yield session


WriteSession = Annotated[AsyncSession, Depends(write_session, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(read_session, scope="function")]


def lost_connection(error: BaseException | None) -> str | None:
    """Why the database does not answer, if `error` is raised from that.

    A deadlock or a limit of PostgreSQL's is not that, though operational to the driver too.
    """
    while error is not None and not isinstance(error, psycopg.OperationalError):
        error = error.__cause__
    if error is None or not (error.sqlstate or "08").startswith(_SERVER_AWAY):
        return None
    # What the server says besides, of where a statement was, may quote rows.
    return error.diag.message_primary or str(error)


def handle_database_errors(app: FastAPI) -> None:
    """Turn what PostgreSQL refuses or cannot do into problems; its messages stay inside."""

    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        log(CommonEvent.DATABASE_DOWN, **describe(error))
        return await render_problem(request, DatabaseUnavailable())

    async def perhaps_unavailable(request: Request, error: Exception) -> JSONResponse:
        if isinstance(getattr(error, "orig", error), _PASSING):
            return await unavailable(request, error)
        raise error

    async def unrepresentable(request: Request, error: Exception) -> JSONResponse:
        return await render_problem(
            request, UnrepresentableValue("Remove control characters; keep numbers in range.")
        )

    async def clash(request: Request, error: Exception) -> JSONResponse:
        return await render_problem(request, ConcurrentChange("Read it again, then retry."))

    handlers: dict[type[Exception], Any] = {
        exc.OperationalError: unavailable,
        exc.InterfaceError: unavailable,
        exc.TimeoutError: unavailable,
        exc.InternalError: perhaps_unavailable,
        exc.DataError: unrepresentable,
        UnicodeEncodeError: unrepresentable,
        exc.IntegrityError: clash,
        # Of hot reads and of enqueueing, which SQLAlchemy does not wrap.
        psycopg.OperationalError: unavailable,
        psycopg.InternalError: perhaps_unavailable,
        psycopg.DataError: unrepresentable,
    }
    for error_class, handler in handlers.items():
        app.add_exception_handler(error_class, handler)
