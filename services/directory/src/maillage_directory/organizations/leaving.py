"""Use cases of organizations that leave: delisting, on their word alone, and deletion."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.preconditions import check_if_match
from maillage_directory import projection
from maillage_directory.errors import OrganizationNotFound, StillOffersServices
from maillage_directory.events import AuditEvent
from maillage_directory.models import Organization, ResourceType, Visibility
from maillage_directory.organizations.queries import (
    find_organization,
    list_children,
    lock_organization,
    offers_services,
)
from maillage_directory.ownership import require_own
from maillage_directory.records.tombstones import refuse_missing, remove
from maillage_directory.tags import version_tags
from maillage_directory.visibility import layer_of


async def delist_organization(
    session: AsyncSession, organization_id: UUID, *, caller: Caller, audit: AuditTrail
) -> datetime:
    """Show it and its services to nobody else, at once and whatever a source says later.

    Asked again, nothing changes. Raises OrganizationNotFound, NotYourOrganization.
    """
    stored = await _lock_own(session, organization_id, caller)
    if stored.delisted_at is None:
        stored.delisted_at = clock.now()
        stored.visibility, stored.network = Visibility.OWN, None
        await _keep(session, stored)
        audit.record(
            AuditEvent.ORGANIZATION_DELISTED, entity="organization", entity_id=organization_id
        )
    assert stored.delisted_at is not None
    return stored.delisted_at


async def relist_organization(
    session: AsyncSession, organization_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    """Take a delisting back. It stays `own` until its owner says who may see it."""
    stored = await _lock_own(session, organization_id, caller)
    if stored.delisted_at is not None:
        stored.delisted_at = None
        await _keep(session, stored)
        audit.record(
            AuditEvent.ORGANIZATION_RELISTED, entity="organization", entity_id=organization_id
        )


async def delete_organization(
    session: AsyncSession,
    organization_id: UUID,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
) -> None:
    """Leave a tombstone. Raises StillOffersServices too, and as a change does (412, 428)."""
    stored = await _lock_own(session, organization_id, caller)
    check_if_match(version_tags(if_match), stored.version)
    if await offers_services(session, organization_id):
        raise StillOffersServices("Delete its services first, or merge it.")
    children = await list_children(session, organization_id)
    await remove(session, ResourceType.ORGANIZATION, [organization_id])
    if children:
        await projection.refresh(session, organizations=children)
    audit.record(AuditEvent.ORGANIZATION_DELETED, entity="organization", entity_id=organization_id)


async def _lock_own(session: AsyncSession, organization_id: UUID, caller: Caller) -> Organization:
    layer = layer_of(caller)
    if await find_organization(session, layer, organization_id) is None:
        raise await refuse_missing(session, layer, ResourceType.ORGANIZATION, organization_id)
    require_own(layer, organization_id)
    stored = await lock_organization(session, organization_id)
    if stored is None:
        raise OrganizationNotFound
    return stored


async def _keep(session: AsyncSession, stored: Organization) -> None:
    stored.version += 1
    session.add(stored)
    await session.flush()
    await projection.refresh(session, organizations=[stored.id])
