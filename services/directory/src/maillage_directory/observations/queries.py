"""Reads of observations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, literal_column, text
from sqlalchemy import select as sa_select
from sqlmodel import col, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_directory.models import (
    Observation,
    ObservationState,
    ObservationTransition,
    Visibility,
)
from maillage_directory.observations.schemas import (
    CountParams,
    ObservationFilters,
    ObservationParams,
)
from maillage_directory.visibility import Layer, serves_sql


def select_visible_observations(layer: Layer) -> SelectOfScalar[Observation]:
    """Public ones for everyone, all for professionals."""
    statement = select(Observation)
    if layer.is_professional:
        return statement
    return statement.where(Observation.visibility == Visibility.PUBLIC)


def conditions(params: ObservationFilters, territories: Sequence[str]) -> list[Any]:
    """What `params` asks; `territories` are the one asked for and those inside it."""
    asked: list[Any] = []
    if params.kind is not None:
        asked.append(Observation.kind == params.kind)
    if params.need is not None:
        asked.append(Observation.need_code == params.need)
    if params.obstacle is not None:
        asked.append(Observation.obstacle == params.obstacle)
    if params.observed_until is not None:
        asked.append(Observation.observed_on <= params.observed_until)
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


# The territory of a kind that certainly holds the observed one.
_HELD_BY = (
    "(SELECT min(a.above) FROM territory_above a JOIN territory t ON t.code = a.above"
    " WHERE a.code = observation.territory_code AND a.is_certain AND t.kind = '{level}')"
)


async def count_observations(
    session: AsyncSession, params: CountParams, territories: Sequence[str]
) -> Sequence[Row[Any]]:
    """How often by kind, need, obstacle and territory, whoever may read the words."""
    territory: Any = col(Observation.territory_code)
    if params.level is not None:
        # A member of a closed list of ours, so that it may stand in the statement.
        territory = literal_column(_HELD_BY.format(level=params.level.value))
    observed = (
        sa_select(
            col(Observation.kind),
            col(Observation.need_code).label("need"),
            col(Observation.obstacle),
            territory.label("territory"),
            col(Observation.state),
            col(Observation.happened).label("times"),
        )
        .where(*conditions(params, territories))
        .subquery()
    )
    groups = [observed.c[name] for name in ("kind", "need", "obstacle", "territory")]
    statement: Select[Any] = (
        sa_select(
            *groups,
            func.count().label("observations"),
            func.sum(observed.c.times).label("happened"),
            *(
                func.count().filter(observed.c.state == state).label(state.value)
                for state in ObservationState
            ),
        )
        .group_by(*groups)
        .order_by(*groups)
    )
    connection = await session.connection()
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def find_visible(
    session: AsyncSession, layer: Layer, observation_id: UUID
) -> Observation | None:
    found = await session.exec(
        select_visible_observations(layer).where(Observation.id == observation_id)
    )
    return found.first()


async def lock_served(
    session: AsyncSession, layer: Layer, observation_id: UUID
) -> tuple[Observation, bool] | None:
    """The observation, held until the transaction ends, and whether the caller's organization is at
    work where it was made."""
    found = await session.exec(
        select_visible_observations(layer).where(Observation.id == observation_id).with_for_update()
    )
    observation = found.first()
    if observation is None:
        return None
    serves, parameters = serves_sql(layer, "CAST(:observed_in AS text)")
    connection = await session.connection()
    answer = await connection.execute(
        text(f"SELECT {serves}"),
        {**parameters, **({"observed_in": observation.territory_code} if parameters else {})},
    )
    return observation, bool(answer.scalar_one())


async def list_transitions(
    session: AsyncSession, observation_id: UUID
) -> Sequence[ObservationTransition]:
    found = await session.exec(
        select(ObservationTransition)
        .where(col(ObservationTransition.observation_id) == observation_id)
        .order_by(col(ObservationTransition.id))
    )
    return found.all()


async def find_by_external_id(
    session: AsyncSession, source: str, external_id: str
) -> Observation | None:
    found = await session.exec(
        select(Observation).where(
            Observation.source == source, Observation.external_id == external_id
        )
    )
    return found.first()
