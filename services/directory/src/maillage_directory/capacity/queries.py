"""Reads of capacity reports."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import CapacityReport
from maillage_directory.visibility import Layer, visible_record_sql


async def owners_of_visible(
    session: AsyncSession, layer: Layer, services: Sequence[UUID]
) -> dict[UUID, UUID]:
    """Of these services, those the caller may see, each with its organization."""
    visible, parameters = visible_record_sql(layer)
    connection = await session.connection()
    rows: Sequence[Row[Any]] = (
        await connection.execute(
            text(
                "SELECT s.service_id, s.organization_id FROM service_search s"  # noqa: S608
                f" WHERE s.service_id = ANY (CAST(:services AS uuid[])) AND {visible}"
            ),
            {**parameters, "services": list(services)},
        )
    ).all()
    return {row.service_id: row.organization_id for row in rows}


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
