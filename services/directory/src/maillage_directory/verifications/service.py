"""Use cases: stamp a service or an organization, or some of its fields, as checked."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.schemas import Payload
from maillage_directory import projection
from maillage_directory.errors import OrganizationNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.models import Organization, Verification
from maillage_directory.organizations.queries import find_organization
from maillage_directory.records.schemas import OrganizationContent, ServiceContent
from maillage_directory.records.writing import add_history
from maillage_directory.services.queries import get_card
from maillage_directory.verifications.schemas import NewVerification
from maillage_directory.visibility import Layer, layer_of


async def verify_service(
    session: AsyncSession,
    service_id: UUID,
    payload: NewVerification,
    *,
    caller: Caller,
    audit: AuditTrail,
) -> dict[str, Any]:
    """Raises ServiceNotFound, InvalidRequest."""
    layer = layer_of(caller)
    await get_card(session, layer, service_id)
    made = await _stamp(
        session, {"service_id": service_id}, payload, content=ServiceContent, layer=layer
    )
    await projection.refresh(session, services=[service_id])
    audit.record(
        AuditEvent.SERVICE_VERIFIED,
        entity="service",
        entity_id=service_id,
        changes={"fields": payload.fields},
    )
    return made


async def verify_organization(
    session: AsyncSession,
    organization_id: UUID,
    payload: NewVerification,
    *,
    caller: Caller,
    audit: AuditTrail,
) -> dict[str, Any]:
    """Raises OrganizationNotFound, InvalidRequest. Its services are checked apart."""
    layer = layer_of(caller)
    if await find_organization(session, layer, organization_id) is None:
        raise OrganizationNotFound
    made = await _stamp(
        session,
        {"checked_organization_id": organization_id},
        payload,
        content=OrganizationContent,
        layer=layer,
    )
    await projection.refresh_organizations(session, [organization_id])
    audit.record(
        AuditEvent.ORGANIZATION_VERIFIED,
        entity="organization",
        entity_id=organization_id,
        changes={"fields": payload.fields},
    )
    return made


async def _stamp(
    session: AsyncSession,
    checked: dict[str, UUID],
    payload: NewVerification,
    *,
    content: type[Payload],
    layer: Layer,
) -> dict[str, Any]:
    now = clock.now()
    if payload.verified_at is not None and payload.verified_at > now:
        raise InvalidRequest(
            errors=[FieldError("in_the_future", "A check lies in the past", "/verified_at")]
        )
    if not set(payload.fields) <= set(content.model_fields):
        raise InvalidRequest(
            errors=[FieldError("unknown_field", "The record has no such field", "/fields")]
        )
    verification = {
        "id": uuid7(),
        "service_id": None,
        "checked_organization_id": None,
        **checked,
        "fields": payload.fields,
        "verified_at": payload.verified_at or now,
        "organization_id": await _known_organization(session, layer),
        "source": None,
    }
    await add_history(session, {Verification: [verification]})
    return verification


async def _known_organization(session: AsyncSession, layer: Layer) -> UUID | None:
    if layer.organization is None:
        return None
    found = await session.get(Organization, layer.organization)
    return found.id if found else None
