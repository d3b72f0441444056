"""Reads of collections and of the services in them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Collection
from maillage_directory.visibility import Layer, visible_record_sql, with_organization


async def list_collections(
    session: AsyncSession,
    layer: Layer,
    *,
    collection: UUID | None = None,
    organization: UUID | None = None,
    before: UUID | None = None,
    row_count: int = 1,
) -> Sequence[Row[Any]]:
    """Newest first, from the one before `before`."""
    visible, parameters = visible_record_sql(layer, "k")
    where = [visible]
    for clause, name, value in (
        ("k.id = :collection", "collection", collection),
        ("k.organization_id = :organization", "organization", organization),
        ("k.id < :before", "before", before),
    ):
        if value is not None:
            where.append(clause)
            parameters[name] = value
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT k.* FROM {with_organization('collection')} k"  # noqa: S608
            f" WHERE {' AND '.join(where)} ORDER BY k.id DESC LIMIT :row_count"
        ),
        {**parameters, "row_count": row_count},
    )
    return rows.all()


async def list_items(
    session: AsyncSession, layer: Layer, collection_id: UUID
) -> Sequence[Row[Any]]:
    """The cards of its services that `layer` may see, in order, with their notes."""
    visible, parameters = visible_record_sql(layer, "c")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT i.note, c.content, c.verified_at, c.version, c.updated_at"  # noqa: S608
            " FROM collection_item i JOIN card c ON c.resource_id = i.service_id"
            " AND c.resource_type = 'service'"
            f" WHERE i.collection_id = :collection AND {visible} ORDER BY i.position"
        ),
        {**parameters, "collection": collection_id},
    )
    return rows.all()


async def visible_services(
    session: AsyncSession, layer: Layer, services: Sequence[UUID]
) -> set[UUID]:
    """Of these services, those that `layer` may see."""
    visible, parameters = visible_record_sql(layer, "c")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT c.resource_id FROM card c WHERE c.resource_type = 'service'"  # noqa: S608
            f" AND c.resource_id = ANY (CAST(:services AS uuid[])) AND {visible}"
        ),
        {**parameters, "services": list(services)},
    )
    return set(rows.scalars().all())


async def lock_collection(session: AsyncSession, collection_id: UUID) -> Collection | None:
    found = await session.exec(
        select(Collection).where(col(Collection.id) == collection_id).with_for_update()
    )
    return found.first()
