"""Hot reads: prepared statements on connections of their own, past the ORM and its pool.

For the few reads that many callers ask at once (a search, one record). Compiling a statement of a
hundred lines and turning its parameters costs SQLAlchemy as much as answering it costs PostgreSQL;
here the text is cut once and PostgreSQL keeps its plan. As in a read session, each statement is its
own transaction (AUTOCOMMIT) and carries no caller: for tables without row-level security only.

Values travel as text whose type PostgreSQL infers, so that a statement has one plan: psycopg would
send 5 and 50 000 as numbers of two types, and each list after looking at its members.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import psycopg
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from maillage_common.telemetry import tracer

# Not the second colon of `::type`, and not what stands in a quoted text.
_PARAMETER = re.compile(r"'[^']*'|::\w+|:([a-z_][a-z0-9_]*)")
# Statements are few: one for each combination of filters that callers use.
_CACHED = 1024
_PREPARED_A_CONNECTION = 500
_SPAN = {"db.system.name": "postgresql", "db.operation.name": "SELECT"}


class Reads:
    """Runs `SELECT`s whose parameters are written `:name`; opens its connections at first use."""

    def __init__(self, url: str, *, size: int) -> None:
        """`url`: of the form that psycopg reads, `postgresql://…`."""
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=5,
            open=False,
            configure=_configure,
            kwargs={
                "autocommit": True,
                "connect_timeout": 5,
                "prepare_threshold": 0,
                # A plan a statement, not one for each set of values, and not compiled: making it
                # takes longer than running it.
                "options": "-c plan_cache_mode=force_generic_plan -c jit=off",
            },
        )
        self._is_open = False

    async def fetch(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows, as named tuples. Raises psycopg's errors."""
        if not self._is_open:
            self._is_open = True
            await self._pool.open()
        native, names = in_native_form(statement)
        values = [in_text_form(parameters[name]) for name in names]
        if not trace.get_current_span().is_recording():
            return await self._run(native, values)
        with tracer().start_as_current_span("SELECT", kind=SpanKind.CLIENT, attributes=_SPAN):
            return await self._run(native, values)

    async def _run(self, native: str, values: list[str | None]) -> list[Any]:
        try:
            return await self._once(native, values)
        except psycopg.OperationalError:
            # The server was restarted under the connections kept: a read may be asked again.
            await self._pool.check()
            return await self._once(native, values)

    async def _once(self, native: str, values: list[str | None]) -> list[Any]:
        async with self._pool.connection() as connection:
            cursor = psycopg.AsyncRawCursor(connection, row_factory=namedtuple_row)
            await cursor.execute(native, values)
            return await cursor.fetchall()

    async def close(self) -> None:
        if self._is_open:
            await self._pool.close()


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    set_json_loads(orjson.loads, connection)
    connection.prepared_max = _PREPARED_A_CONNECTION


@lru_cache(maxsize=_CACHED)
def in_native_form(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement in PostgreSQL's own form (`$1`), and the names of its parameters in order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PARAMETER.sub(number, statement), tuple(names)


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(map(_member, values)) + "}"


def _member(value: Any) -> str:
    if not isinstance(value, str):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_FORMS: Mapping[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    float: repr,
    bool: lambda value: "true" if value else "false",
    datetime: datetime.isoformat,
    date: date.isoformat,
    UUID: str,
    list: _array,
}


def in_text_form(value: Any) -> str | None:
    """A value as PostgreSQL reads it; lists are arrays of texts, numbers or UUIDs."""
    return None if value is None else _FORMS[type(value)](value)
