"""Many rows in flat memory: a server-side cursor in a read-only snapshot of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text

from maillage_common.database import Database

# By 200, an export of HSDS objects holds 2 MB more.
_ROWS_AT_ONCE = 100


async def stream_rows(
    database: Database, statement: str, parameters: Mapping[str, Any]
) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of `statement`, some hundreds at a time, all of one instant.

    The request's own session is closed before a streamed answer begins, so this opens one.
    """
    async with database.engine.connect() as plain:
        connection = await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        rows = await connection.stream(
            text(statement), dict(parameters), execution_options={"yield_per": _ROWS_AT_ONCE}
        )
        try:
            # Asked without a number, SQLAlchemy takes all rows of a text at once.
            async for some in rows.partitions(_ROWS_AT_ONCE):
                yield some
        finally:
            await rows.close()
