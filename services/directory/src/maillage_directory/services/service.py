"""Use cases of one service: read, create, change, delete."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.preconditions import check_if_match
from maillage_common.schemas import Payload
from maillage_directory import projection
from maillage_directory.cards.record import service_record
from maillage_directory.cards.rendering import render_service
from maillage_directory.errors import (
    AlreadyExists,
    OrganizationNotFound,
    ServiceNotFound,
)
from maillage_directory.events import AuditEvent
from maillage_directory.models import Organization, ResourceType
from maillage_directory.ownership import require_editor, require_own
from maillage_directory.records.codes import codes_in
from maillage_directory.records.merging import filled_record, merged_record
from maillage_directory.records.rows import (
    OWN_SOURCE,
    service_columns,
    service_parts,
    stored_provenance,
)
from maillage_directory.records.schemas import ServiceContent
from maillage_directory.records.tombstones import remove
from maillage_directory.records.writing import (
    locations_of_others,
    place_in_communes,
    postcode_faults,
    write_services,
)
from maillage_directory.services.queries import get_card, list_locations, lock_service
from maillage_directory.services.schemas import NewService
from maillage_directory.tags import version_tags
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def read_service(
    session: AsyncSession, service_id: UUID, *, caller: Caller, language: str
) -> tuple[int, dict[str, Any]]:
    """Its version, and the service as `caller` may read it; raises ServiceNotFound."""
    row, answer = await read_card(session, service_id, caller=caller, language=language)
    return row.version, answer


async def read_card(
    session: AsyncSession, service_id: UUID, *, caller: Caller, language: str
) -> tuple[Row[Any], dict[str, Any]]:
    """Its card, and the service as `caller` may read it; raises ServiceNotFound."""
    layer = layer_of(caller)
    row = await get_card(session, layer, service_id)
    return row, render_service(row, layer, language=language, now=clock.now())


async def create_service(
    session: AsyncSession,
    payload: NewService,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    """Raises NotYourOrganization, AlreadyExists, UnknownNeed and the like."""
    layer = layer_of(caller)
    await require_editor(
        session, layer, ResourceType.ORGANIZATION, payload.organization, payload.organization
    )
    if await session.get(Organization, payload.organization) is None:
        raise OrganizationNotFound
    service_id = payload.id or uuid7()
    if await lock_service(session, service_id) is not None:
        raise AlreadyExists
    await _write(session, service_id, payload, {"source": OWN_SOURCE}, vocabulary)
    audit.record(AuditEvent.SERVICE_CREATED, entity="service", entity_id=service_id)
    return service_id


async def change_service(
    session: AsyncSession,
    service_id: UUID,
    change: Payload,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Apply a merge patch to the version the caller read (412 stale, 428 without If-Match)."""
    layer = layer_of(caller)
    row = await get_card(session, layer, service_id)
    await require_editor(session, layer, ResourceType.SERVICE, service_id, row.organization_id)
    stored = await lock_service(session, service_id)
    if stored is None:
        raise ServiceNotFound
    check_if_match(version_tags(if_match), stored.version)
    present = service_record(row.content, await list_locations(session, service_id))
    content, changed = merged_record(ServiceContent, present, change)
    if content.organization != row.organization_id:
        require_own(layer, content.organization)
        if await session.get(Organization, content.organization) is None:
            raise OrganizationNotFound
    await _write(session, service_id, content, stored_provenance(stored), vocabulary)
    audit.record(
        AuditEvent.SERVICE_CHANGED,
        entity="service",
        entity_id=service_id,
        changes={"fields": changed},
    )


async def delete_service(
    session: AsyncSession,
    service_id: UUID,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
) -> None:
    """Leave a tombstone; the history is kept. Raises as `change_service` does."""
    layer = layer_of(caller)
    row = await get_card(session, layer, service_id)
    await require_editor(session, layer, ResourceType.SERVICE, service_id, row.organization_id)
    stored = await lock_service(session, service_id)
    if stored is None:
        raise ServiceNotFound
    check_if_match(version_tags(if_match), stored.version)
    await remove(session, ResourceType.SERVICE, [service_id])
    audit.record(AuditEvent.SERVICE_DELETED, entity="service", entity_id=service_id)


async def fill_service(
    session: AsyncSession, lost: UUID, kept: UUID, *, vocabulary: Vocabulary
) -> None:
    """Give `kept` what it lacks and `lost` tells."""
    whole = Layer(is_professional=True, is_admin=True, organization=None, function=None)
    records = []
    for service_id in (kept, lost):
        card = (await get_card(session, whole, service_id)).content
        records.append(service_record(card, await list_locations(session, service_id)))
    if records[0]["organization"] != records[1]["organization"]:
        # A place has one owner: another organization tells it anew.
        for place in records[1]["locations"]:
            place["id"] = str(uuid7())
    stored = await lock_service(session, kept)
    assert stored is not None, "both rows are locked"
    content = filled_record(ServiceContent, *records)
    await _write(session, kept, content, stored_provenance(stored), vocabulary)


async def check_service_change(
    session: AsyncSession, row: Any, change: Payload, *, vocabulary: Vocabulary
) -> None:
    """Refuse a change of the card `row` that could not be applied now."""
    present = service_record(row.content, await list_locations(session, row.resource_id))
    content, _ = merged_record(ServiceContent, present, change)
    await _check(session, content, vocabulary)


async def _write(
    session: AsyncSession,
    service_id: UUID,
    content: ServiceContent,
    provenance: dict[str, Any],
    vocabulary: Vocabulary,
) -> None:
    await _check(session, content, vocabulary)
    row = {"id": service_id, **service_columns(content), **provenance}
    await write_services(session, [row], [service_parts(service_id, content)])
    await projection.refresh(session, services=[service_id])


async def _check(session: AsyncSession, content: ServiceContent, vocabulary: Vocabulary) -> None:
    """Refuse unknown codes, places of others and of nowhere; addresses gain their commune."""
    terms = await vocabulary.check(session, list(codes_in(content.model_dump())))
    held = {place.id: content.organization for place in content.locations if place.id is not None}
    others = await locations_of_others(session, held)
    faults = [
        FieldError(
            "location_of_another_organization",
            "Give the place an id of its own",
            f"/locations/{number}/id",
        )
        for number, place in enumerate(content.locations)
        if place.id in others
    ]
    faults += postcode_faults(content.locations, terms)
    if faults:
        raise InvalidRequest("See `errors` for each field.", errors=faults)
    place_in_communes(content.locations, terms)
