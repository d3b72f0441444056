"""Reads of organizations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Organization, Service
from maillage_directory.organizations.schemas import OrganizationParams
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.words import holds_sql

_SELECT = """
SELECT r.resource_id, r.sort_name, r.content, r.verified_at, r.version, r.updated_at
FROM card r
WHERE r.resource_type = 'organization' AND {where}
"""


async def find_organization(
    session: AsyncSession, layer: Layer, organization_id: UUID
) -> Row[Any] | None:
    visible, parameters = visible_record_sql(layer, "r")
    connection = await session.connection()
    found = await connection.execute(
        text(_SELECT.format(where=f"r.resource_id = :id AND {visible}")),
        {**parameters, "id": organization_id},
    )
    return found.first()


async def list_organizations(
    session: AsyncSession, layer: Layer, params: OrganizationParams, after: Sequence[Any] | None
) -> Sequence[Row[Any]]:
    """A page and one more, by name; `after` is (sort_name, id) of the last one seen."""
    visible, parameters = visible_record_sql(layer, "r")
    where = [visible]
    if params.q:
        where.append(holds_sql("r.content->>'name'"))
        parameters["q"] = params.q
    if params.kind is not None:
        where.append("r.content->>'kind' = :kind")
        parameters["kind"] = params.kind.value
    if after is not None:
        where.append("(r.sort_name, r.resource_id) > (:after_name, CAST(:after_id AS uuid))")
        parameters["after_name"], parameters["after_id"] = after
    connection = await session.connection()
    rows = await connection.execute(
        text(
            _SELECT.format(where=" AND ".join(where))
            + " ORDER BY r.sort_name, r.resource_id LIMIT :row_count"
        ),
        {**parameters, "row_count": params.limit + 1},
    )
    return rows.all()


async def offers_services(session: AsyncSession, organization_id: UUID) -> bool:
    found = await session.exec(
        select(Service.id).where(Service.organization_id == organization_id).limit(1)
    )
    return found.first() is not None


async def list_children(session: AsyncSession, organization_id: UUID) -> list[UUID]:
    """The organizations whose parent it is."""
    found = await session.exec(
        select(Organization.id).where(Organization.parent_id == organization_id)
    )
    return list(found.all())


async def lock_organization(session: AsyncSession, organization_id: UUID) -> Organization | None:
    found = await session.exec(
        select(Organization).where(Organization.id == organization_id).with_for_update()
    )
    return found.first()
