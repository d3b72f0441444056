"""Reads of observations."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func
from sqlalchemy import select as sa_select
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_directory.models import Observation, Visibility
from maillage_directory.observations.schemas import ObservationParams
from maillage_directory.visibility import Layer


def select_visible_observations(layer: Layer) -> SelectOfScalar[Observation]:
    """Public ones for everyone, all for professionals."""
    statement = select(Observation)
    if layer.is_professional:
        return statement
    return statement.where(Observation.visibility == Visibility.PUBLIC)


def conditions(params: ObservationParams, territories: Sequence[str]) -> list[Any]:
    """What `params` asks; `territories` are the one asked for and those inside it."""
    asked: list[Any] = []
    if params.kind is not None:
        asked.append(Observation.kind == params.kind)
    if params.need is not None:
        asked.append(Observation.need_code == params.need)
    if params.territory is not None:
        asked.append(col(Observation.territory_code).in_(territories))
    if params.program is not None:
        asked.append(Observation.program_code == params.program)
    if params.state is not None:
        asked.append(Observation.state == params.state)
    if params.observed_since is not None:
        asked.append(Observation.observed_on >= params.observed_since)
    return asked


async def list_observations(
    session: AsyncSession,
    layer: Layer,
    params: ObservationParams,
    territories: Sequence[str],
    after: Sequence[Any] | None,
) -> Sequence[Observation]:
    """A page and one more, newest first; `after` is (observed_on, id) of the last one seen."""
    statement = select_visible_observations(layer).where(*conditions(params, territories))
    key = (col(Observation.observed_on), col(Observation.id))
    if after is not None:
        statement = statement.where(tuple_(*key) < tuple_(*after))
    ordered = statement.order_by(*(part.desc() for part in key)).limit(params.limit + 1)
    return (await session.exec(ordered)).all()


async def count_observations(
    session: AsyncSession, params: ObservationParams, territories: Sequence[str]
) -> Sequence[Row[Any]]:
    groups: list[ColumnElement[Any]] = [
        col(Observation.kind).label("kind"),
        col(Observation.need_code).label("need"),
        col(Observation.obstacle).label("obstacle"),
        col(Observation.territory_code).label("territory"),
    ]
    statement: Select[Any] = (
        sa_select(
            *groups,
            func.count().label("observations"),
            func.sum(col(Observation.happened)).label("happened"),
        )
        .where(*conditions(params, territories))
        .group_by(*groups)
        .order_by(*groups)
    )
    connection = await session.connection()
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def find_by_external_id(
    session: AsyncSession, source: str, external_id: str
) -> Observation | None:
    found = await session.exec(
        select(Observation).where(
            Observation.source == source, Observation.external_id == external_id
        )
    )
    return found.first()
