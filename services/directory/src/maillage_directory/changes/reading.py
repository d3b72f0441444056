"""How jobs of ours read the feed: each from where it stopped, every record that changed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.changes.queries import START
from maillage_directory.models import FeedReader

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('feed_reader'), hashtext(:name))")
_READ = text(
    "SELECT c.resource_id, c.resource_type, c.origin = feed_origin() AS is_own, c.xid, c.seq,"
    " c.left_at"
    " FROM change c"
    " WHERE (c.origin <> feed_origin()"
    "   OR c.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
    " AND (c.origin = feed_origin(), c.xid, c.seq) > (:is_own, :xid, :seq)"
    " ORDER BY is_own, c.xid, c.seq LIMIT :row_count"
)


@dataclass(frozen=True)
class Changed:
    """The records of one stretch of the feed. `services_left`: those that some audience no longer
    sees, whether they are gone or hidden from it.

    `is_read`: there was something, and there may be more.
    """

    organizations: Sequence[UUID]
    services: Sequence[UUID]
    services_left: Sequence[UUID]
    is_read: bool


async def read_on(session: AsyncSession, name: str, *, limit: int = 2000) -> Changed:
    """What changed since `name` last asked. Its place moves on if the transaction is kept."""
    connection = await session.connection()
    await connection.execute(_LOCK, {"name": name})
    reader = await session.get(FeedReader, name)
    if reader is None:
        reader = FeedReader(name=name, is_own=START.is_own, xid=START.xid, seq=START.seq)
    rows = (
        await connection.execute(
            _READ,
            {
                "is_own": reader.is_own,
                "xid": reader.xid,
                "seq": reader.seq,
                "row_count": limit,
            },
        )
    ).all()
    if rows:
        reader.is_own, reader.xid, reader.seq = rows[-1].is_own, rows[-1].xid, rows[-1].seq
        session.add(reader)
        await session.flush()
    present = [row for row in rows if row.left_at is None]
    left = [row for row in rows if row.left_at is not None]
    return Changed(
        organizations=[r.resource_id for r in present if r.resource_type == "organization"],
        services=[r.resource_id for r in present if r.resource_type == "service"],
        services_left=[r.resource_id for r in left if r.resource_type == "service"],
        is_read=bool(rows),
    )
