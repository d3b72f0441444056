"""Reads of rotas: through the cards of the services that take their turns."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Rota, RotaTurn, Service
from maillage_directory.visibility import Layer, visible_record_sql

_TURNS = (
    "SELECT t.*, c.content->'name' AS service_name, c.content->'status' AS service_status"
    " FROM rota_turn t JOIN card c ON c.resource_id = t.service_id"
    " AND c.resource_type = 'service'"
    " WHERE t.rota_id = ANY (:rotas) AND {visible} ORDER BY t.rota_id, t.position"
)


async def list_rotas(
    session: AsyncSession,
    layer: Layer,
    *,
    rota: UUID | None = None,
    organization: UUID | None = None,
    service: UUID | None = None,
    after: UUID | None = None,
    row_count: int = 1,
) -> Sequence[Row[Any]]:
    """Rotas with a turn of a service that the caller may see; owners see theirs without turns."""
    visible, parameters = visible_record_sql(layer, "c")
    turned = "c.resource_id = t.service_id"
    if service is not None:
        turned += " AND t.service_id = :service"
        parameters["service"] = service
    ways = [
        f"EXISTS (SELECT FROM rota_turn t JOIN card c ON {turned}"
        f" WHERE t.rota_id = r.id AND {visible})"
    ]
    if service is None and layer.organization is not None:
        ways.append("r.organization_id = :viewer_organization")
        parameters["viewer_organization"] = layer.organization
    if service is None and layer.is_admin:
        ways.append("true")
    where = [f"({' OR '.join(ways)})"]
    for clause, name, value in (
        ("r.id = :rota", "rota", rota),
        ("r.organization_id = :organization", "organization", organization),
        ("r.id > :after", "after", after),
    ):
        if value is not None:
            where.append(clause)
            parameters[name] = value
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT r.* FROM rota r WHERE {' AND '.join(where)}"  # noqa: S608
            " ORDER BY r.id LIMIT :row_count"
        ),
        {**parameters, "row_count": row_count},
    )
    return rows.all()


async def list_turns(
    session: AsyncSession, layer: Layer, rotas: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """The turns of these rotas, of services that the caller may see."""
    visible, parameters = visible_record_sql(layer, "c")
    statement = text(_TURNS.format(visible=visible)).bindparams(
        bindparam("rotas", type_=ARRAY(Uuid()))
    )
    connection = await session.connection()
    return (await connection.execute(statement, {**parameters, "rotas": list(rotas)})).all()


async def lock_rota(session: AsyncSession, rota_id: UUID) -> Rota | None:
    found = await session.exec(select(Rota).where(col(Rota.id) == rota_id).with_for_update())
    return found.first()


async def list_services_on(session: AsyncSession, rota_id: UUID) -> list[UUID]:
    found = await session.exec(
        select(RotaTurn.service_id).where(col(RotaTurn.rota_id) == rota_id).distinct()
    )
    return list(found)


async def owners_of_services(session: AsyncSession, services: Sequence[UUID]) -> dict[UUID, UUID]:
    found = await session.exec(
        select(Service.id, Service.organization_id).where(col(Service.id).in_(services))
    )
    return dict(found.all())
