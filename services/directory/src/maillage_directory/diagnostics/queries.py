"""Reads of diagnoses."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.diagnostics.schemas import DiagnosticParams
from maillage_directory.models import Diagnostic
from maillage_directory.visibility import Layer, visible_record_sql, with_organization
from maillage_directory.vocabulary import Terms
from maillage_directory.words import holds_sql

_WORDS = holds_sql("concat_ws(' ', d.title::text, d.summary::text, d.author)")


async def list_diagnostics(
    session: AsyncSession,
    layer: Layer,
    params: DiagnosticParams,
    terms: Terms,
    after: tuple[date, UUID] | None,
) -> Sequence[Row[Any]]:
    """A page and one more, newest first."""
    where: list[str] = []
    parameters: dict[str, Any] = {"row_count": params.limit + 1}
    if params.q is not None:
        where.append(_WORDS)
        parameters["q"] = params.q
    if params.territory is not None:
        where.append("d.territory_code = ANY (CAST(:inside AS text[]))")
        parameters["inside"] = terms.inside(params.territory)
    if params.theme is not None:
        where.append("d.themes && CAST(:themes AS text[])")
        parameters["themes"] = sorted(terms.need_branch(params.theme))
    if params.published_since is not None:
        where.append("d.published_on >= :published_since")
        parameters["published_since"] = params.published_since
    if after is not None:
        where.append("(d.published_on, d.id) < (:after_day, CAST(:after_id AS uuid))")
        parameters["after_day"], parameters["after_id"] = after
    return await _visible(session, layer, where, parameters)


async def find_diagnostic(
    session: AsyncSession, layer: Layer, diagnostic_id: UUID
) -> Row[Any] | None:
    rows = await _visible(session, layer, ["d.id = :id"], {"id": diagnostic_id, "row_count": 1})
    return rows[0] if rows else None


async def _visible(
    session: AsyncSession, layer: Layer, where: list[str], parameters: dict[str, Any]
) -> Sequence[Row[Any]]:
    visible, more = visible_record_sql(layer, "d")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT d.* FROM {with_organization('diagnostic')} d"  # noqa: S608
            f" WHERE {' AND '.join([*where, visible])}"
            " ORDER BY d.published_on DESC, d.id DESC LIMIT :row_count"
        ),
        {**parameters, **more},
    )
    return rows.all()


async def lock_diagnostic(session: AsyncSession, diagnostic_id: UUID) -> Diagnostic | None:
    found = await session.exec(
        select(Diagnostic).where(col(Diagnostic.id) == diagnostic_id).with_for_update()
    )
    return found.first()
