"""Use cases of organizations: list, read, create, change."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, cut_page
from maillage_common.preconditions import check_if_match
from maillage_common.schemas import Payload
from maillage_directory import projection
from maillage_directory.cards.record import organization_record
from maillage_directory.cards.rendering import render_organization
from maillage_directory.errors import (
    AlreadyExists,
    Delisted,
    OrganizationNotFound,
)
from maillage_directory.events import AuditEvent
from maillage_directory.models import Organization, ResourceType, Visibility
from maillage_directory.organizations.queries import (
    find_organization,
    list_organizations,
    lock_organization,
)
from maillage_directory.organizations.schemas import NewOrganization, OrganizationParams
from maillage_directory.ownership import require_editor
from maillage_directory.records.codes import codes_in
from maillage_directory.records.merging import filled_record, merged_record
from maillage_directory.records.parents import (
    PARENT_CYCLE,
    is_part_of,
    lock_parents,
    parents_above,
)
from maillage_directory.records.rows import (
    OWN_SOURCE,
    organization_columns,
    organization_parts,
    stored_provenance,
)
from maillage_directory.records.schemas import OrganizationContent
from maillage_directory.records.tombstones import refuse_missing
from maillage_directory.records.writing import write_organizations
from maillage_directory.tags import version_tags
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def read_organization(
    session: AsyncSession, organization_id: UUID, *, caller: Caller, language: str
) -> tuple[int, dict[str, Any]]:
    """Its version and members; raises OrganizationNotFound."""
    layer = layer_of(caller)
    row = await find_organization(session, layer, organization_id)
    if row is None:
        raise await refuse_missing(session, layer, ResourceType.ORGANIZATION, organization_id)
    return row.version, render_organization(row, layer, language=language)


async def read_organizations(
    session: AsyncSession,
    params: OrganizationParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
) -> dict[str, Any]:
    """One page by name."""
    layer = layer_of(caller)
    query = ["organizations", params.q, params.kind, layer.name, str(layer.organization)]
    after = None if params.cursor is None else cursors.decode(params.cursor, query=query)
    rows = await list_organizations(session, layer, params, after)
    shown, next_cursor = cut_page(
        rows,
        params.limit,
        key=lambda row: [row.sort_name, str(row.resource_id)],
        cursors=cursors,
        query=query,
    )
    return {
        "items": [render_organization(row, layer, language=language) for row in shown],
        "next_cursor": next_cursor,
    }


async def create_organization(
    session: AsyncSession,
    payload: NewOrganization,
    *,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    """Admins only: an editor's organization exists before its editor."""
    organization_id = payload.id or uuid7()
    if await lock_organization(session, organization_id) is not None:
        raise AlreadyExists
    await _write(session, organization_id, payload, {"source": OWN_SOURCE}, vocabulary)
    audit.record(AuditEvent.ORGANIZATION_CREATED, entity="organization", entity_id=organization_id)
    return organization_id


async def change_organization(
    session: AsyncSession,
    organization_id: UUID,
    change: Payload,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Apply a merge patch to the version the caller read (412 stale, 428 without If-Match)."""
    layer = layer_of(caller)
    row = await find_organization(session, layer, organization_id)
    stored = await lock_organization(session, organization_id)
    if row is None or stored is None:
        raise OrganizationNotFound
    await require_editor(
        session, layer, ResourceType.ORGANIZATION, organization_id, organization_id
    )
    check_if_match(version_tags(if_match), stored.version)
    content, changed = merged_record(OrganizationContent, organization_record(row.content), change)
    if stored.delisted_at is not None and content.visibility != Visibility.OWN:
        raise Delisted
    await _write(session, organization_id, content, stored_provenance(stored), vocabulary)
    audit.record(
        AuditEvent.ORGANIZATION_CHANGED,
        entity="organization",
        entity_id=organization_id,
        changes={"fields": changed},
    )


async def fill_organization(
    session: AsyncSession, lost: UUID, kept: UUID, *, vocabulary: Vocabulary
) -> None:
    """Give `kept` what it lacks and `lost` tells."""
    whole = Layer(is_professional=True, is_admin=True, organization=None, function=None)
    records = []
    for organization_id in (kept, lost):
        row = await find_organization(session, whole, organization_id)
        assert row is not None, "both rows are locked"
        records.append(organization_record(row.content))
    stored = await lock_organization(session, kept)
    assert stored is not None, "both rows are locked"
    content = filled_record(OrganizationContent, *records)
    await _write(session, kept, content, stored_provenance(stored), vocabulary)


async def check_organization_change(
    session: AsyncSession, row: Any, change: Payload, *, vocabulary: Vocabulary
) -> None:
    """Refuse a change of the card `row` that could not be applied now."""
    content, _ = merged_record(OrganizationContent, organization_record(row.content), change)
    await _check(session, row.resource_id, content, vocabulary)


async def _write(
    session: AsyncSession,
    organization_id: UUID,
    content: OrganizationContent,
    provenance: dict[str, Any],
    vocabulary: Vocabulary,
) -> None:
    if content.parent is not None:
        await lock_parents(session)
    await _check(session, organization_id, content, vocabulary)
    row = {"id": organization_id, **organization_columns(content), **provenance}
    await write_organizations(session, [row], [organization_parts(organization_id, content)])
    await projection.refresh(session, organizations=[organization_id])


async def _check(
    session: AsyncSession,
    organization_id: UUID,
    content: OrganizationContent,
    vocabulary: Vocabulary,
) -> None:
    if content.parent is not None and await session.get(Organization, content.parent) is None:
        raise OrganizationNotFound(
            errors=[FieldError(OrganizationNotFound.code, OrganizationNotFound.title, "/parent")]
        )
    if content.parent is not None:
        parents = await parents_above(session, [content.parent])
        if is_part_of(content.parent, organization_id, parents):
            raise InvalidRequest(errors=[FieldError(*PARENT_CYCLE, "/parent")])
    await vocabulary.check(session, list(codes_in(content.model_dump())))
