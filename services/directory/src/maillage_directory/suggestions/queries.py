"""Reads of suggestions: each record's editors see its own, and whoever made one sees it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller
from maillage_directory.models import Suggestion
from maillage_directory.ownership import editable_sql
from maillage_directory.suggestions.schemas import SuggestionParams
from maillage_directory.visibility import ADMIN, WRITE, layer_of, visible_record_sql

_SELECT = (
    "SELECT g.*, r.version <> g.base_version AS is_stale, r.organization_id"
    " FROM suggestion g JOIN card r ON r.resource_id = g.resource_id WHERE "
)


async def list_suggestions(
    session: AsyncSession, caller: Caller, params: SuggestionParams, after: Sequence[Any] | None
) -> Sequence[Row[Any]]:
    where, parameters = _seen(caller)
    parameters["row_count"] = params.limit + 1
    if params.state is not None:
        where.append("g.state = :state")
        parameters["state"] = params.state.value
    if params.record is not None:
        where.append("g.resource_id = :record")
        parameters["record"] = params.record
    if after is not None:
        where.append("(g.created_at, g.id) > (:after_at, CAST(:after_id AS uuid))")
        parameters["after_at"], parameters["after_id"] = after
    connection = await session.connection()
    rows = await connection.execute(
        text(f"{_SELECT}{' AND '.join(where)} ORDER BY g.created_at, g.id LIMIT :row_count"),
        parameters,
    )
    return rows.all()


async def find_suggestion(
    session: AsyncSession, caller: Caller, suggestion_id: UUID
) -> Row[Any] | None:
    where, parameters = _seen(caller)
    connection = await session.connection()
    rows = await connection.execute(
        text(f"{_SELECT}{' AND '.join([*where, 'g.id = :id'])}"),
        {**parameters, "id": suggestion_id},
    )
    return rows.first()


async def lock_suggestion(session: AsyncSession, suggestion_id: UUID) -> Suggestion:
    found = await session.exec(
        select(Suggestion).where(col(Suggestion.id) == suggestion_id).with_for_update()
    )
    return found.one()


def proposer(caller: Caller) -> str:
    """Their organization, else their application; never a person."""
    if caller.organization:
        return f"organization:{caller.organization}"
    return f"client:{caller.client_id}"


def is_editor(caller: Caller) -> bool:
    """Machines propose, and read what became of it; people decide."""
    return not caller.is_machine and (caller.has(WRITE) or caller.has(ADMIN))


def _seen(caller: Caller) -> tuple[list[str], dict[str, Any]]:
    layer = layer_of(caller)
    visible, parameters = visible_record_sql(layer, "r")
    ways, parameters = ["g.proposed_by = :me"], parameters | {"me": proposer(caller)}
    if is_editor(caller):
        editable, more = editable_sql(layer, "r")
        ways, parameters = [editable, *ways], parameters | more
    return [visible, f"({' OR '.join(ways)})"], parameters
