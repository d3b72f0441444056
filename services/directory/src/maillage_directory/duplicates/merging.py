"""Making one record of two: whatever pointed at the lost one follows to the kept one."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Table, text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import ResourceType
from maillage_directory.records.parents import is_part_of, parents_above

# Derived, or said by the record itself and so filled in by `records.merging.filled`.
_PARTS = {
    "organization": {"card", "service_search", "organization_identifier", "phone", "contact"},
    "service": {
        *("service_search", "phone", "contact", "schedule", "service_at_location", "closure"),
        *("service_need", "service_language", "service_condition", "service_program"),
        "action_zone",
    },
}


async def follow(session: AsyncSession, kind: ResourceType, lost: UUID, kept: UUID) -> None:
    """Point at `kept` whatever pointed at `lost`; what would then stand twice is dropped."""
    connection = await session.connection()
    ids = {"lost": lost, "kept": kept}
    for table, column in _pointing_at(kind.value):
        for columns in _unique_with(table, column):
            same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in columns)
            await connection.execute(
                text(
                    f"DELETE FROM {table.name} a USING {table.name} b"  # noqa: S608
                    f" WHERE a.{column} = :lost AND b.{column} = :kept AND {same or 'true'}"
                ),
                ids,
            )
        await connection.execute(
            text(f"UPDATE {table.name} SET {column} = :kept WHERE {column} = :lost"),  # noqa: S608
            ids,
        )
    if kind == ResourceType.ORGANIZATION:
        parents = await parents_above(session, [kept])
        if is_part_of(parents.get(kept), kept, parents):
            await connection.execute(
                text("UPDATE organization SET parent_id = NULL WHERE id = :kept"), {"kept": kept}
            )


def _pointing_at(target: str) -> Iterator[tuple[Table, str]]:
    for table in SQLModel.metadata.tables.values():
        if table.name in _PARTS[target]:
            continue
        for key in table.foreign_keys:
            if key.column.table.name == target:
                yield table, key.parent.name


def _unique_with(table: Table, column: str) -> Iterator[list[str]]:
    """For each unique key that holds `column`, its other columns."""
    keys = [list(table.primary_key.columns)]
    keys += [list(index.columns) for index in table.indexes if index.unique]
    keys += [
        list(one.columns)  # type: ignore[attr-defined]
        for one in table.constraints
        if one.__visit_name__ == "unique_constraint"
    ]
    for columns in keys:
        names = [one.name for one in columns]
        if column in names:
            yield [name for name in names if name != column]
