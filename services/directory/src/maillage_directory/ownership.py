"""Whose record it is, of those that any organization may keep: agenda, rotas, collections."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.errors import OrganizationNotFound, OrganizationNotNamed
from maillage_directory.models import Organization
from maillage_directory.services.service import require_own
from maillage_directory.visibility import Layer


async def choose_owner(session: AsyncSession, layer: Layer, named: UUID | None) -> UUID:
    """The organization that is named, else the caller's own.

    Raises OrganizationNotNamed, NotYourOrganization, OrganizationNotFound.
    """
    owner = named or layer.organization
    if owner is None:
        raise OrganizationNotNamed("Name it in `organization`.")
    require_own(layer, owner)
    if await session.get(Organization, owner) is None:
        raise OrganizationNotFound
    return owner
