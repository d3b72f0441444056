"""Reads of capacity reports."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import CapacityReport
from maillage_directory.ownership import editable_sql
from maillage_directory.visibility import Layer, visible_record_sql


async def visible_services(
    session: AsyncSession, layer: Layer, services: Sequence[UUID]
) -> dict[UUID, bool]:
    """Of these services, those the caller may see, each with whether they may edit it."""
    visible, parameters = visible_record_sql(layer)
    editable, more = editable_sql(layer, "s")
    connection = await session.connection()
    rows: Sequence[Row[Any]] = (
        await connection.execute(
            text(
                f"SELECT s.resource_id, {editable} AS is_editable FROM card s"  # noqa: S608
                " WHERE s.resource_id = ANY (CAST(:services AS uuid[]))"
                f" AND s.resource_type = 'service' AND {visible}"
            ),
            {**parameters, **more, "services": list(services)},
        )
    ).all()
    return {row.resource_id: row.is_editable for row in rows}


async def list_reports(
    session: AsyncSession, service_id: UUID, *, limit: int, after: Sequence[Any] | None
) -> Sequence[CapacityReport]:
    """The reports of a service, newest observation first, from after (observed_at, id)."""
    statement = select(CapacityReport).where(CapacityReport.service_id == service_id)
    if after is not None:
        statement = statement.where(
            tuple_(col(CapacityReport.observed_at), col(CapacityReport.id)) < tuple_(*after)
        )
    ordered = statement.order_by(
        col(CapacityReport.observed_at).desc(), col(CapacityReport.id).desc()
    )
    return (await session.exec(ordered.limit(limit))).all()
