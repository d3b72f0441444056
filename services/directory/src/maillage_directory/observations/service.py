"""Use cases of observations: note one, read them, count them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import dates
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, cut_page
from maillage_directory.errors import (
    NotAtWorkThere,
    ObservationNotFound,
    UnknownNeed,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.events import AuditEvent
from maillage_directory.models import (
    Observation,
    ObservationState,
    ObservationTransition,
    Visibility,
)
from maillage_directory.observations.lifecycle import check_move
from maillage_directory.observations.queries import (
    count_observations,
    find_by_external_id,
    find_visible,
    list_observations,
    list_transitions,
    lock_served,
)
from maillage_directory.observations.schemas import (
    CountParams,
    Moderation,
    NewObservation,
    NewTransition,
    ObservationFilters,
    ObservationParams,
)
from maillage_directory.records.codes import codes_in
from maillage_directory.visibility import layer_of
from maillage_directory.vocabulary import Vocabulary


async def note_observation(
    session: AsyncSession,
    payload: NewObservation,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> Observation:
    """Keep what was met, and the application it came through: never the person who noted it, their
    organization or tenant. With an `external_id` seen before, gives what was noted then."""
    await vocabulary.check(session, list(codes_in(payload.model_dump())))
    today = dates.today()
    if payload.observed_on is not None and payload.observed_on > today:
        raise InvalidRequest(
            errors=[FieldError("in_the_future", "It was met on a day past", "/observed_on")]
        )
    observation_id = uuid7()
    connection = await session.connection()
    inserted = await connection.execute(
        insert(Observation)
        .values(id=observation_id, **_row(payload, caller.client_id, today))
        .on_conflict_do_nothing()
        .returning(col(Observation.id))
    )
    if inserted.first() is None:
        assert payload.external_id is not None, "only an external id can clash"
        known = await find_by_external_id(session, caller.client_id, payload.external_id)
        assert known is not None, "it clashed with a row that is there"
        return known
    audit.record(AuditEvent.OBSERVATION_NOTED, entity="observation", entity_id=observation_id)
    noted = await session.get(Observation, observation_id)
    assert noted is not None, "it was just written"
    return noted


async def read_observations(
    session: AsyncSession,
    params: ObservationParams,
    *,
    caller: Caller,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> tuple[list[Observation], str | None]:
    """A page, newest first, and the next cursor."""
    layer = layer_of(caller)
    territories = await _inside(session, params, vocabulary)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"observations": asked, "layer": layer.name}
    after = None
    if params.cursor is not None:
        day, last_id = cursors.decode(params.cursor, query=query)
        after = (date.fromisoformat(day), UUID(last_id))
    rows = await list_observations(session, layer, params, territories, after)
    return cut_page(
        rows,
        params.limit,
        key=lambda row: [row.observed_on.isoformat(), str(row.id)],
        cursors=cursors,
        query=query,
    )


async def read_observation(
    session: AsyncSession, observation_id: UUID, *, caller: Caller
) -> tuple[Observation, list[ObservationTransition]]:
    """Raises ObservationNotFound."""
    observation = await find_visible(session, layer_of(caller), observation_id)
    if observation is None:
        raise ObservationNotFound
    return observation, list(await list_transitions(session, observation_id))


async def move_observation(
    session: AsyncSession,
    observation_id: UUID,
    payload: NewTransition,
    *,
    caller: Caller,
    audit: AuditTrail,
) -> tuple[Observation, list[ObservationTransition]]:
    """Say that it was sent, or answered; raises ObservationNotFound, NotAtWorkThere,
    ImpossibleTransition."""
    observation = await _lock_served(session, observation_id, caller)
    check_move(observation.state, payload.to)
    today = dates.today()
    happened_on = payload.on or today
    if not observation.observed_on <= happened_on <= today:
        raise InvalidRequest(
            errors=[FieldError("not_then", "It was after it was noted, and is past", "/on")]
        )
    session.add(
        ObservationTransition.model_validate(
            {
                "observation_id": observation_id,
                "from_state": observation.state,
                "to_state": payload.to,
                "happened_on": happened_on,
                **payload.model_dump(include={"institution", "words", "url"}),
            }
        )
    )
    observation.state = payload.to
    await session.flush()
    audit.record(
        AuditEvent.OBSERVATION_MOVED,
        entity="observation",
        entity_id=observation_id,
        changes={"state": payload.to},
    )
    return observation, list(await list_transitions(session, observation_id))


async def moderate_observation(
    session: AsyncSession,
    observation_id: UUID,
    payload: Moderation,
    *,
    caller: Caller,
    audit: AuditTrail,
) -> Observation:
    """Publish it or take it back, with words fit to be read."""
    observation = await _lock_served(session, observation_id, caller)
    observation.visibility = payload.visibility
    observation.note, observation.recommendation = payload.note, payload.recommendation
    await session.flush()
    audit.record(
        AuditEvent.OBSERVATION_MODERATED,
        entity="observation",
        entity_id=observation_id,
        changes={"visibility": payload.visibility},
    )
    return observation


async def _lock_served(session: AsyncSession, observation_id: UUID, caller: Caller) -> Observation:
    found = await lock_served(session, layer_of(caller), observation_id)
    if found is None:
        raise ObservationNotFound
    observation, is_served = found
    if not is_served:
        raise NotAtWorkThere("Ask an organization that covers its territory, or an admin.")
    return observation


async def read_counts(
    session: AsyncSession, params: CountParams, *, vocabulary: Vocabulary
) -> list[Any]:
    territories = await _inside(session, params, vocabulary)
    return list(await count_observations(session, params, territories))


async def _inside(
    session: AsyncSession, params: ObservationFilters, vocabulary: Vocabulary
) -> list[str]:
    asked: list[tuple[Any, str, str]] = [
        (error, name, code)
        for error, name, code in (
            (UnknownNeed, "need", params.need),
            (UnknownTerritory, "territory", params.territory),
            (UnknownProgram, "program", params.program),
        )
        if code is not None
    ]
    terms = await vocabulary.check(session, asked)
    if params.territory is None:
        return []
    return terms.inside(params.territory)


def _row(payload: NewObservation, source: str, today: date) -> dict[str, Any]:
    return {
        "kind": payload.kind,
        "obstacle": payload.obstacle,
        "need_code": payload.need,
        "territory_code": payload.territory,
        "program_code": payload.program,
        "happened": payload.count,
        "note": payload.note,
        "recommendation": payload.recommendation,
        "state": ObservationState.NOTED,
        "observed_on": payload.observed_on or today,
        "source": source,
        "external_id": payload.external_id,
        "visibility": Visibility.PROFESSIONAL,
    }
