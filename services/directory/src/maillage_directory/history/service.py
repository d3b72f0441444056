"""What happened to a record, as far as one caller may know."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller
from maillage_common.pagination import Cursors, cut_page
from maillage_directory.cards.rendering import may_see
from maillage_directory.errors import OrganizationNotFound, ServiceNotFound
from maillage_directory.history.queries import find_present, list_field_changes
from maillage_directory.models import ResourceType
from maillage_directory.visibility import Layer, layer_of

_NOT_FOUND = {
    ResourceType.ORGANIZATION: OrganizationNotFound,
    ResourceType.SERVICE: ServiceNotFound,
}


async def read_history(
    session: AsyncSession,
    kind: ResourceType,
    resource_id: UUID,
    *,
    caller: Caller,
    cursors: Cursors,
    cursor: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page, newest first; also of a deleted record. Raises ServiceNotFound and the like."""
    layer = layer_of(caller)
    present = await find_present(session, layer, kind, resource_id)
    if present is None:
        raise _NOT_FOUND[kind]
    query = ["history", str(resource_id), layer.name, str(layer.organization)]
    after = None
    if cursor is not None:
        instant, last_id = cursors.decode(cursor, query=query)
        after = (datetime.fromisoformat(instant), last_id)
    rows = await list_field_changes(session, layer, resource_id, limit=limit, after=after)
    shown, next_cursor = cut_page(
        rows,
        limit,
        key=lambda row: [row.last_action_date.isoformat(), str(row.id)],
        cursors=cursors,
        query=query,
    )
    return [told_change(row, present, layer) for row in shown], next_cursor


def told_change(row: Any, present: Any, layer: Layer) -> dict[str, Any]:
    """A field is told when it was not hidden from the caller then, and is not now.

    `present`: the record's `owner`, the `hidden` fields of it, and its `phones`.
    """
    told = dict(row._mapping)
    values = {name: told.pop(name) for name in ("previous_value", "replacement_value")}
    owner, field = present.owner, row.field_name
    seen_by = {row.seen_by, present.hidden.get(field)} - {None}
    is_kept = row.last_action_type != "update" or any(v is not None for v in values.values())
    if is_kept and all(may_see(rule, owner, layer) for rule in seen_by):
        if field == "phones":
            hidden = {
                entry["number"]
                for entry in present.phones
                if not may_see(entry["visibility"], owner, layer)
            }
            values = {name: _phones(value, hidden, owner, layer) for name, value in values.items()}
        return told | {name: value for name, value in values.items() if value is not None}
    return told | {"withheld": True}


def _phones(
    entries: list[Mapping[str, Any]] | None, hidden: set[str], owner: str, layer: Layer
) -> list[Mapping[str, Any]] | None:
    if entries is None:
        return None
    return [
        entry
        for entry in entries
        if entry["number"] not in hidden and may_see(entry["visibility"], owner, layer)
    ]
