"""Records that are no more: deleting them, and what whoever asks for one is told."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.errors import MaillageError
from maillage_directory.errors import (
    OrganizationNotFound,
    RecordGone,
    RecordMerged,
    ServiceNotFound,
)
from maillage_directory.models import ResourceType
from maillage_directory.visibility import Layer, visible_record_sql

_REMOVE_SERVICES = (
    # Places that no other service stands in go with it: an address without a service is no one's.
    "DELETE FROM location l USING service_at_location a"
    " WHERE a.location_id = l.id AND a.service_id = ANY (:ids) AND NOT EXISTS ("
    " SELECT FROM service_at_location o WHERE o.location_id = l.id"
    " AND o.service_id <> ALL (:ids))",
    "DELETE FROM card WHERE resource_id = ANY (:ids)",
    "DELETE FROM service WHERE id = ANY (:ids)",
)
_REMOVE_ORGANIZATION = (
    "DELETE FROM card WHERE resource_id = ANY (:ids)",
    "DELETE FROM organization WHERE id = ANY (:ids)",
)


async def remove(session: AsyncSession, kind: ResourceType, ids: Sequence[UUID]) -> None:
    """Delete records; a trigger leaves their tombstones. Organizations must offer nothing."""
    connection = await session.connection()
    statements = _REMOVE_SERVICES if kind == ResourceType.SERVICE else _REMOVE_ORGANIZATION
    for statement in statements:
        await connection.execute(text(statement), {"ids": list(ids)})


async def refuse_missing(
    session: AsyncSession,
    layer: Layer,
    kind: ResourceType,
    record_id: UUID,
    *,
    api: str = "/directory/v1",
) -> MaillageError:
    """Why there is no such card for the caller: RecordMerged (308, to the same of `api`),
    RecordGone (410), or not found.

    A record that was hidden from the caller when it was deleted never was, for them.
    """
    last, parameters = visible_record_sql(layer, "c")
    target, more = visible_record_sql(layer, "i")
    connection = await session.connection()
    found = await connection.execute(
        text(
            "SELECT i.resource_id AS into_id FROM tombstone t"  # noqa: S608
            " JOIN change c ON c.resource_id = t.resource_id AND c.left_at = t.deleted_at"
            f" LEFT JOIN card i ON i.resource_id = t.into_id AND {target}"
            f" WHERE t.resource_id = :id AND t.resource_type = :kind AND {last} LIMIT 1"
        ),
        {**parameters, **more, "id": record_id, "kind": kind.value},
    )
    row = found.first()
    if row is None:
        return ServiceNotFound() if kind == ResourceType.SERVICE else OrganizationNotFound()
    if row.into_id is None:
        return RecordGone("Its history is kept.")
    return RecordMerged(
        "It answers under the id it was merged into.",
        headers={"Location": f"{api}/{kind.value}s/{row.into_id}"},
        members={"into": str(row.into_id)},
    )
