"""Use cases of collections: keep one, read it, print it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.preconditions import check_if_match
from maillage_directory.cards.rendering import render_service
from maillage_directory.collections.queries import (
    list_collections,
    list_items,
    lock_collection,
    visible_services,
)
from maillage_directory.collections.schemas import (
    CollectionBrief,
    CollectionContent,
    CollectionParams,
    CollectionPublic,
    ItemEntry,
    ItemPublic,
)
from maillage_directory.errors import CollectionNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import Collection, CollectionItem
from maillage_directory.ownership import choose_owner, require_own
from maillage_directory.records.codes import codes_in
from maillage_directory.records.rows import OWN_SOURCE
from maillage_directory.sheets.pages import SheetItem, collection_page
from maillage_directory.sheets.schemas import SheetParams
from maillage_directory.tags import version_tags
from maillage_directory.visibility import PUBLIC_LAYER, Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def read_collection(
    session: AsyncSession, collection_id: UUID, *, caller: Caller, language: str
) -> CollectionPublic:
    """Raises CollectionNotFound."""
    layer = layer_of(caller)
    brief = await _find(session, layer, collection_id, language)
    now = clock.now()
    items = [
        ItemPublic.model_construct(
            note=row.note, service=render_service(row, layer, language=language, now=now)
        )
        for row in await list_items(session, layer, collection_id)
    ]
    return CollectionPublic.model_construct(**dict(brief), items=items)


async def print_collection(
    session: AsyncSession,
    collection_id: UUID,
    params: SheetParams,
    *,
    caller: Caller,
    language: str,
    vocabulary: Vocabulary,
) -> str:
    """A page in HTML to print; raises CollectionNotFound."""
    layer = layer_of(caller)
    brief = await _find(session, layer, collection_id, language)
    # Whoever may read the collection may hand it on; what is on the sheet anybody may then see.
    shown_to = layer if params.audience == "professional" else PUBLIC_LAYER
    now = clock.now()
    items = [
        SheetItem(service=render_service(row, shown_to, language=language, now=now), note=row.note)
        for row in await list_items(session, shown_to, collection_id)
    ]
    terms = await vocabulary.terms(session)
    return collection_page(
        title=brief.label,
        description=in_language(brief.description, language),
        publisher=brief.organization_label,
        items=items,
        needs=terms.needs,
        language=language,
        now=now,
    )


async def read_collections(
    session: AsyncSession,
    params: CollectionParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
) -> Page[CollectionBrief]:
    layer = layer_of(caller)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"collections": asked, "layer": layer.name}
    before = UUID(cursors.decode(params.cursor, query=query)[0]) if params.cursor else None
    rows = await list_collections(
        session,
        layer,
        organization=params.organization,
        before=before,
        row_count=params.limit + 1,
    )
    page, cursor = cut_page(
        rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=[_brief(row, language) for row in page], next_cursor=cursor)


async def create_collection(
    session: AsyncSession,
    content: CollectionContent,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    layer = layer_of(caller)
    owner = await choose_owner(session, layer, content.organization)
    await _check(session, layer, content, vocabulary)
    collection_id = uuid7()
    session.add(
        Collection.model_validate(
            {
                "id": collection_id,
                "organization_id": owner,
                "source": OWN_SOURCE,
                **content.model_dump(exclude={"organization", "items"}),
            }
        )
    )
    await session.flush()
    await _write_items(session, collection_id, content.items)
    audit.record(AuditEvent.COLLECTION_CHANGED, entity="collection", entity_id=collection_id)
    return collection_id


async def replace_collection(
    session: AsyncSession,
    collection_id: UUID,
    content: CollectionContent,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Raises CollectionNotFound, NotYourOrganization, a failed precondition."""
    layer = layer_of(caller)
    stored = await _lock_own(session, layer, collection_id)
    check_if_match(version_tags(if_match), stored.version)
    owner = await choose_owner(session, layer, content.organization or stored.organization_id)
    await _check(session, layer, content, vocabulary)
    row = content.model_dump(exclude={"organization", "items"})
    for name, value in {**row, "organization_id": owner}.items():
        setattr(stored, name, value)
    stored.version += 1
    stored.updated_at = clock.now()
    await session.flush()
    await _write_items(session, collection_id, content.items)
    audit.record(AuditEvent.COLLECTION_CHANGED, entity="collection", entity_id=collection_id)


async def delete_collection(
    session: AsyncSession, collection_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    stored = await _lock_own(session, layer_of(caller), collection_id)
    await session.delete(stored)
    await session.flush()
    audit.record(AuditEvent.COLLECTION_DELETED, entity="collection", entity_id=collection_id)


async def _find(
    session: AsyncSession, layer: Layer, collection_id: UUID, language: str
) -> CollectionBrief:
    rows = await list_collections(session, layer, collection=collection_id)
    if not rows:
        raise CollectionNotFound
    return _brief(rows[0], language)


async def _lock_own(session: AsyncSession, layer: Layer, collection_id: UUID) -> Collection:
    if not await list_collections(session, layer, collection=collection_id):
        raise CollectionNotFound
    stored = await lock_collection(session, collection_id)
    if stored is None:
        raise CollectionNotFound
    require_own(layer, stored.organization_id)
    return stored


async def _check(
    session: AsyncSession, layer: Layer, content: CollectionContent, vocabulary: Vocabulary
) -> None:
    """A service that the editor may not see is as one that is not there."""
    await vocabulary.check(session, list(codes_in(content.model_dump())))
    seen = await visible_services(session, layer, [item.service for item in content.items])
    absent = [n for n, item in enumerate(content.items) if item.service not in seen]
    if absent:
        raise InvalidRequest(
            errors=[
                FieldError("unknown_service", "No service has this id", f"/items/{n}/service")
                for n in absent
            ]
        )


async def _write_items(
    session: AsyncSession, collection_id: UUID, items: Sequence[ItemEntry]
) -> None:
    connection = await session.connection()
    await connection.execute(
        delete(CollectionItem).where(col(CollectionItem.collection_id) == collection_id)
    )
    rows: list[dict[str, Any]] = [
        {
            "collection_id": collection_id,
            "service_id": item.service,
            "position": position,
            "note": item.note,
        }
        for position, item in enumerate(items)
    ]
    if rows:
        await connection.execute(insert(CollectionItem), rows)


def _brief(row: Any, language: str) -> CollectionBrief:
    return CollectionBrief.model_validate(
        {
            **row._mapping,
            "label": in_language(row.title, language) or "",
            "organization_label": in_language(row.organization_name, language) or "",
        }
    )
