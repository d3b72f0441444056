"""Use cases of duplicates: list them, decide."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.pagination import Cursors, cut_page
from maillage_common.preconditions import check_if_match
from maillage_directory import projection
from maillage_directory.cards.rendering import render_organization, render_service
from maillage_directory.changes.reading import read_on
from maillage_directory.duplicates.merging import follow
from maillage_directory.duplicates.queries import (
    find_duplicate,
    find_duplicates,
    list_duplicates,
    lock_duplicate,
)
from maillage_directory.duplicates.schemas import DuplicateParams, NewDecision
from maillage_directory.errors import AlreadyDecided, DuplicateNotFound, NotOneOfThem
from maillage_directory.events import AuditEvent
from maillage_directory.models import DuplicateDecision, ResourceType
from maillage_directory.organizations.service import fill_organization
from maillage_directory.ownership import require_editor
from maillage_directory.records.tombstones import remove
from maillage_directory.services.service import fill_service
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def compare_changed(session: AsyncSession) -> bool:
    """Compare what changed since the last run with everything; whether there may be more."""
    changed = await read_on(session, "duplicates")
    touched = [*changed.organizations, *changed.services]
    if touched:
        await find_duplicates(session, touched)
    return changed.is_read


async def read_duplicates(
    session: AsyncSession,
    params: DuplicateParams,
    *,
    caller: Caller,
    cursors: Cursors,
    language: str,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of undecided pairs, the most alike first."""
    layer = layer_of(caller)
    query = ["duplicates", params.type, str(layer.organization), layer.is_admin]
    after = None if params.cursor is None else cursors.decode(params.cursor, query=query)
    rows = await list_duplicates(session, layer, params, after)
    shown, next_cursor = cut_page(
        rows,
        params.limit,
        key=lambda row: [-row.score, str(row.id)],
        cursors=cursors,
        query=query,
    )
    return [_pair(row, layer, language) for row in shown], next_cursor


async def read_duplicate(
    session: AsyncSession, duplicate_id: UUID, *, caller: Caller, language: str
) -> tuple[str, dict[str, Any]]:
    """Its entity tag, which moves with both records, and the pair."""
    layer = layer_of(caller)
    row = await find_duplicate(session, layer, duplicate_id)
    if row is None:
        raise DuplicateNotFound
    return _tag(row), _pair(row, layer, language)


async def decide(
    session: AsyncSession,
    duplicate_id: UUID,
    payload: NewDecision,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Merge or dismiss, once; both records must be as the caller read them and theirs to edit.

    Raises DuplicateNotFound, AlreadyDecided, NotYourOrganization, NotOneOfThem, 412 and 428.
    """
    layer = layer_of(caller)
    if await find_duplicate(session, layer, duplicate_id) is None:
        raise DuplicateNotFound
    stored = await lock_duplicate(session, duplicate_id)
    if stored.decided_at is not None:
        raise AlreadyDecided
    kind = stored.resource_type
    await _lock_both(session, kind, stored.first_id, stored.second_id)
    row = await find_duplicate(session, layer, duplicate_id)
    if row is None:
        raise DuplicateNotFound
    check_if_match(if_match, _tag(row))
    for record_id, owner in (
        (row.first_id, row.x_organization_id),
        (row.second_id, row.y_organization_id),
    ):
        await require_editor(session, layer, kind, record_id, owner)
    stored.decision, stored.decided_at = payload.decision, clock.now()
    session.add(stored)
    await session.flush()
    if payload.decision == DuplicateDecision.DISMISS:
        audit.record(AuditEvent.DUPLICATE_DISMISSED, entity="duplicate", entity_id=duplicate_id)
        return
    if payload.keep not in (row.first_id, row.second_id):
        raise NotOneOfThem
    kept, lost = payload.keep, row.second_id if payload.keep == row.first_id else row.first_id
    await _merge(session, kind, lost, kept, vocabulary)
    audit.record(
        AuditEvent.RECORDS_MERGED,
        entity=kind.value,
        entity_id=kept,
        changes={"merged": str(lost)},
    )


async def _merge(
    session: AsyncSession, kind: ResourceType, lost: UUID, kept: UUID, vocabulary: Vocabulary
) -> None:
    """The old id answers with a redirect from now on, and keeps its history."""
    fill = fill_service if kind == ResourceType.SERVICE else fill_organization
    await fill(session, lost, kept, vocabulary=vocabulary)
    await follow(session, kind, lost, kept)
    await remove(session, kind, [lost])
    if kind == ResourceType.SERVICE:
        await projection.refresh(session, services=[kept])
    else:
        await projection.refresh(session, organizations=[kept])
    connection = await session.connection()
    await connection.execute(
        text("UPDATE tombstone SET into_id = :kept WHERE resource_id = :lost OR into_id = :lost"),
        {"kept": kept, "lost": lost},
    )


async def _lock_both(session: AsyncSession, kind: ResourceType, *ids: UUID) -> None:
    """In one order, so that two decisions wait for each other rather than refuse."""
    connection = await session.connection()
    await connection.execute(
        text(f"SELECT FROM {kind.value} WHERE id = ANY (:ids) ORDER BY id FOR UPDATE"),
        {"ids": sorted(ids)},
    )


def _tag(row: Any) -> str:
    return f"{row.x_version}-{row.y_version}"


def _pair(row: Any, layer: Layer, language: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.resource_type,
        "score": round(row.score, 3),
        "reasons": row.reasons,
        "found_at": row.found_at,
        "decision": row.decision,
        "records": [_record(row, side, layer, language) for side in ("x", "y")],
    }


def _record(row: Any, side: str, layer: Layer, language: str) -> dict[str, Any]:
    card = SimpleNamespace(
        **{
            name: getattr(row, f"{side}_{name}")
            for name in ("content", "verified_at", "version", "updated_at")
        }
    )
    if row.resource_type == ResourceType.SERVICE:
        return render_service(card, layer, language=language, now=clock.now())
    return render_organization(card, layer, language=language)
