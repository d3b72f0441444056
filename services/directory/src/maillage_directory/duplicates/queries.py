"""Reads of duplicates, and the search for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.duplicates.schemas import DuplicateParams
from maillage_directory.models import Duplicate
from maillage_directory.ownership import editable_sql
from maillage_directory.visibility import Layer, visible_record_sql

_FIND = text((Path(__file__).parent / "candidates.sql").read_text(encoding="utf-8")).bindparams(
    bindparam("touched", type_=ARRAY(Uuid()))
)
_CARD = "content, verified_at, version, updated_at, organization_id"


async def find_duplicates(session: AsyncSession, touched: Sequence[UUID] | None) -> None:
    """Keep the pairs of which one is `touched` (None: all)."""
    connection = await session.connection()
    await connection.execute(_FIND, {"touched": None if touched is None else list(touched)})


async def list_duplicates(
    session: AsyncSession, layer: Layer, params: DuplicateParams, after: Sequence[Any] | None
) -> Sequence[Row[Any]]:
    """A page and one more of the undecided pairs of which the caller sees both and may edit one."""
    where = ["d.decided_at IS NULL"]
    parameters: dict[str, Any] = {"row_count": params.limit + 1}
    if params.type is not None:
        where.append("d.resource_type = :kind")
        parameters["kind"] = params.type.value
    if after is not None:
        where.append("(-d.score, d.id) > (:after_score, CAST(:after_id AS uuid))")
        parameters["after_score"], parameters["after_id"] = after
    return await _select(
        session, layer, where, parameters, "ORDER BY -d.score, d.id LIMIT :row_count"
    )


async def find_duplicate(
    session: AsyncSession, layer: Layer, duplicate_id: UUID
) -> Row[Any] | None:
    rows = await _select(session, layer, ["d.id = :id"], {"id": duplicate_id}, "")
    return rows[0] if rows else None


async def _select(
    session: AsyncSession, layer: Layer, where: list[str], parameters: dict[str, Any], tail: str
) -> Sequence[Row[Any]]:
    either = []
    for alias in ("x", "y"):
        visible, more = visible_record_sql(layer, alias)
        editable, most = editable_sql(layer, alias)
        parameters |= more | most
        where.append(visible)
        either.append(editable)
    where.append(f"({' OR '.join(either)})")
    cards = ", ".join(
        f"{alias}.{name} AS {alias}_{name}" for alias in ("x", "y") for name in _CARD.split(", ")
    )
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT d.*, {cards} FROM duplicate d"  # noqa: S608
            " JOIN card x ON x.resource_id = d.first_id JOIN card y ON y.resource_id = d.second_id"
            f" WHERE {' AND '.join(where)} {tail}"
        ),
        parameters,
    )
    return rows.all()


async def lock_duplicate(session: AsyncSession, duplicate_id: UUID) -> Duplicate:
    found = await session.exec(
        select(Duplicate).where(col(Duplicate.id) == duplicate_id).with_for_update()
    )
    return found.one()
