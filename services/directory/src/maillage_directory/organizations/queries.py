"""Reads of organizations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Organization
from maillage_directory.organizations.schemas import OrganizationParams
from maillage_directory.visibility import Layer, visible_sql

_SORT_NAME = (
    "lower(public.unaccent(COALESCE(o.name->>'fr', o.name->>'nl', o.name->>'en',"
    " (SELECT min(value) FROM jsonb_each_text(o.name)))))"
)
_SELECT = """
SELECT o.*, {sort_name} AS sort_name,
    (SELECT COALESCE(jsonb_agg(jsonb_build_object('scheme', i.scheme, 'identifier', i.identifier)
        ORDER BY i.scheme, i.identifier), '[]')
    FROM organization_identifier i WHERE i.organization_id = o.id) AS identifiers,
    (SELECT COALESCE(jsonb_agg(jsonb_build_object('number', p.number, 'visibility', p.visibility)
        ORDER BY p.position), '[]') FROM phone p WHERE p.organization_id = o.id) AS phones,
    (SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c.name,
        'title', c.title, 'email', c.email, 'phone', c.phone, 'visibility', c.visibility))
        ORDER BY c.position), '[]') FROM contact c WHERE c.organization_id = o.id) AS contacts
FROM organization o
WHERE {where}
"""


def _visible(layer: Layer) -> tuple[str, dict[str, Any]]:
    return visible_sql(layer, owner="o.id", visibility="o.visibility", network="o.network")


async def find_organization(
    session: AsyncSession, layer: Layer, organization_id: UUID
) -> Row[Any] | None:
    visible, parameters = _visible(layer)
    connection = await session.connection()
    found = await connection.execute(
        text(_SELECT.format(sort_name=_SORT_NAME, where=f"o.id = :id AND {visible}")),
        {**parameters, "id": organization_id},
    )
    return found.first()


async def list_organizations(
    session: AsyncSession, layer: Layer, params: OrganizationParams, after: Sequence[Any] | None
) -> Sequence[Row[Any]]:
    """A page and one more, by name; `after` is (sort_name, id) of the last one seen."""
    visible, parameters = _visible(layer)
    where = [visible]
    if params.q:
        where.append(
            "lower(public.unaccent(o.name::text)) LIKE"
            " '%' || replace(replace(lower(public.unaccent(:q)), '%', ''), '_', '') || '%'"
        )
        parameters["q"] = params.q
    if params.kind is not None:
        where.append("o.kind = :kind")
        parameters["kind"] = params.kind.value
    if after is not None:
        where.append(f"({_SORT_NAME}, o.id) > (:after_name, CAST(:after_id AS uuid))")
        parameters["after_name"], parameters["after_id"] = after
    statement = _SELECT.format(sort_name=_SORT_NAME, where=" AND ".join(where))
    connection = await session.connection()
    rows = await connection.execute(
        text(f"{statement} ORDER BY sort_name, o.id LIMIT :row_count"),
        {**parameters, "row_count": params.limit + 1},
    )
    return rows.all()


async def lock_organization(session: AsyncSession, organization_id: UUID) -> Organization | None:
    found = await session.exec(
        select(Organization).where(Organization.id == organization_id).with_for_update()
    )
    return found.first()
