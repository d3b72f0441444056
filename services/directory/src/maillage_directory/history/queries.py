"""Reads of what happened to a record."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import ResourceType
from maillage_directory.visibility import Layer, visible_record_sql


async def find_present(
    session: AsyncSession, layer: Layer, kind: ResourceType, resource_id: UUID
) -> Row[Any] | None:
    """Owner and hidden fields of a record the caller sees, or could see when it was deleted."""
    card, parameters = visible_record_sql(layer, "r")
    last, more = visible_record_sql(layer, "c")
    connection = await session.connection()
    found = await connection.execute(
        text(
            "SELECT r.organization_id::text AS owner, r.content->'field_visibility' AS hidden,"  # noqa: S608
            " r.content->'phones' AS phones"
            f" FROM card r WHERE r.resource_id = :id AND r.resource_type = :kind AND {card}"
            " UNION ALL SELECT c.organization_id::text, '{}', '[]'"
            " FROM tombstone t JOIN change c ON c.resource_id = t.resource_id"
            " AND c.left_at = t.deleted_at"
            f" WHERE t.resource_id = :id AND t.resource_type = :kind AND {last} LIMIT 1"
        ),
        {**parameters, **more, "id": resource_id, "kind": kind.value},
    )
    return found.first()


async def list_field_changes(
    session: AsyncSession,
    layer: Layer,
    resource_id: UUID,
    *,
    limit: int,
    after: Sequence[Any] | None,
) -> Sequence[Row[Any]]:
    """A page and one more, newest first, of what happened while `layer` could see both sides."""
    visible, parameters = visible_record_sql(layer, "m")
    where = [f"m.resource_id = :id AND {visible}"]
    if after is not None:
        where.append("(m.last_action_date, m.id) < (:after_at, CAST(:after_id AS uuid))")
        parameters["after_at"], parameters["after_id"] = after
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT m.* FROM metadata m WHERE {' AND '.join(where)}"  # noqa: S608
            " ORDER BY m.last_action_date DESC, m.id DESC LIMIT :row_count"
        ),
        {**parameters, "id": resource_id, "row_count": limit + 1},
    )
    return rows.all()
