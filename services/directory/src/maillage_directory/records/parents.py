"""Which organizations are parts of which: never, through any number of others, of themselves."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.projection import as_array

PARENT_CYCLE = ("parent_cycle", "That organization is this one, or below it")

# UNION, which ends at what was met before.
_ABOVE = text("""
WITH RECURSIVE up(id, parent_id) AS (
    SELECT id, parent_id FROM organization WHERE id = ANY (CAST(:ids AS uuid[]))
    UNION
    SELECT o.id, o.parent_id FROM organization o JOIN up ON o.id = up.parent_id
)
SELECT id, parent_id FROM up WHERE parent_id IS NOT NULL
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('organization.parent_id'))")


async def lock_parents(session: AsyncSession) -> None:
    """Two that become each other's parent at once take turns."""
    await (await session.connection()).execute(_LOCK)


async def parents_above(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The parent of each of these organizations, and of each above them."""
    rows = await (await session.connection()).execute(_ABOVE, {"ids": as_array(ids)})
    return {row.id: row.parent_id for row in rows}


def is_part_of(start: UUID | None, whole: UUID, parents: Mapping[UUID, UUID | None]) -> bool:
    """Whether `start` is `whole` or below it."""
    met: set[UUID] = set()
    while start is not None and start not in met:
        if start == whole:
            return True
        met.add(start)
        start = parents.get(start)
    return False
