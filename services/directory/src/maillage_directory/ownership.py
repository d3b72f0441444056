"""Who may edit which record: its owner, the curator of its territory, `directory:admin`.

The rule of delegations is the SQL function `may_edit`, for one record here and for lists alike.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.errors import (
    NotYourOrganization,
    OrganizationNotFound,
    OrganizationNotNamed,
)
from maillage_directory.models import Organization, ResourceType
from maillage_directory.visibility import Layer

_MAY_EDIT = text("SELECT may_edit(:editor, :kind, :record, :owner)")


def require_own(layer: Layer, organization_id: UUID) -> None:
    """Raises NotYourOrganization unless it is the caller's own; curators do not count."""
    if not layer.is_admin and layer.organization != organization_id:
        raise NotYourOrganization


async def require_editor(
    session: AsyncSession, layer: Layer, kind: ResourceType, record_id: UUID, owner: UUID
) -> None:
    """Raises NotYourOrganization unless the caller may edit that record of `owner`."""
    if layer.is_admin or layer.organization == owner:
        return
    if layer.organization is None:
        raise NotYourOrganization
    connection = await session.connection()
    asked = {
        "editor": layer.organization,
        "kind": kind.value,
        "record": record_id,
        "owner": owner,
    }
    if not (await connection.execute(_MAY_EDIT, asked)).scalar_one():
        raise NotYourOrganization


def editable_sql(layer: Layer, alias: str) -> tuple[str, dict[str, Any]]:
    """The same as a condition on a `card` under `alias`."""
    if layer.is_admin:
        return "true", {}
    if layer.organization is None:
        return "false", {}
    members = f"{alias}.resource_type, {alias}.resource_id, {alias}.organization_id"
    return f"may_edit(:editor_organization, {members})", {"editor_organization": layer.organization}


async def choose_owner(session: AsyncSession, layer: Layer, named: UUID | None) -> UUID:
    """Whose a new agenda entry, rota or collection is: the organization named, else the caller's.

    Raises OrganizationNotNamed, NotYourOrganization, OrganizationNotFound.
    """
    owner = named or layer.organization
    if owner is None:
        raise OrganizationNotNamed("Name it in `organization`.")
    require_own(layer, owner)
    if await session.get(Organization, owner) is None:
        raise OrganizationNotFound
    return owner
