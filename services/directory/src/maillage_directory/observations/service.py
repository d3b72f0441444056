"""Use cases of observations: note one, read them, count them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors
from maillage_directory.errors import UnknownNeed, UnknownProgram, UnknownTerritory
from maillage_directory.events import AuditEvent
from maillage_directory.models import Observation, ObservationState, Visibility
from maillage_directory.observations.queries import (
    count_observations,
    find_by_external_id,
    list_observations,
)
from maillage_directory.observations.schemas import NewObservation, ObservationParams
from maillage_directory.opening import BRUSSELS
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
    await vocabulary.check(session, _codes(payload, prefix="/"))
    today = clock.now().astimezone(BRUSSELS).date()
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
    rows = list(await list_observations(session, layer, params, territories, after))
    if len(rows) <= params.limit:
        return rows, None
    last = rows[params.limit - 1]
    position = [last.observed_on.isoformat(), str(last.id)]
    return rows[: params.limit], cursors.encode(position, query=query)


async def read_counts(
    session: AsyncSession, params: ObservationParams, *, vocabulary: Vocabulary
) -> list[Any]:
    territories = await _inside(session, params, vocabulary)
    return list(await count_observations(session, params, territories))


async def _inside(
    session: AsyncSession, params: ObservationParams, vocabulary: Vocabulary
) -> list[str]:
    terms = await vocabulary.check(session, _codes(params, prefix=""))
    if params.territory is None:
        return []
    return sorted(
        code for code, above in terms.territory_above.items() if above.get(params.territory)
    )


def _codes(asked: NewObservation | ObservationParams, *, prefix: str) -> list[tuple[Any, str, str]]:
    return [
        (error, f"{prefix}{name}", code)
        for error, name, code in (
            (UnknownNeed, "need", asked.need),
            (UnknownTerritory, "territory", asked.territory),
            (UnknownProgram, "program", asked.program),
        )
        if code is not None
    ]


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
