"""`/directory/v1/observations`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import Anyone, Editor
from maillage_directory.models import Observation, ObservationTransition
from maillage_directory.observations import service
from maillage_directory.observations.schemas import (
    CountParams,
    Moderation,
    NewObservation,
    NewTransition,
    ObservationCount,
    ObservationCounts,
    ObservationDetail,
    ObservationParams,
    ObservationPublic,
    TransitionPublic,
)

router = maillage_router(prefix="/directory/v1", tags=["observations"])


@router.post("/observations", name="note_observation", status_code=201)
async def note_observation(
    payload: NewObservation,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> ObservationPublic:
    """A gap or an obstacle met on the ground. Never about a person."""
    noted = await service.note_observation(
        session, payload, caller=caller, audit=audit, vocabulary=request.app.state.vocabulary
    )
    return ObservationPublic.model_validate(noted)


@router.get("/observations", name="list_observations")
async def list_observations(
    params: Annotated[ObservationParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
) -> Page[ObservationPublic]:
    """Newest first: the public ones, or all of them in the professional layer."""
    rows, next_cursor = await service.read_observations(
        session,
        params,
        caller=caller,
        cursors=cursors,
        vocabulary=request.app.state.vocabulary,
    )
    return Page(
        items=[ObservationPublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.get("/observations/counts", name="count_observations")
async def count_observations(
    params: Annotated[CountParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Anyone,
) -> ObservationCounts:
    """How often by need, obstacle and territory; without anyone's words."""
    rows = await service.read_counts(session, params, vocabulary=request.app.state.vocabulary)
    return ObservationCounts(items=[ObservationCount.model_validate(row) for row in rows])


@router.get("/observations/{observation_id}", name="get_observation")
async def get_observation(
    observation_id: UUID, session: ReadSession, caller: Anyone
) -> ObservationDetail:
    """One observation and what became of it."""
    return _detail(*await service.read_observation(session, observation_id, caller=caller))


@router.post("/observations/{observation_id}/transitions", name="move_observation", status_code=201)
async def move_observation(
    observation_id: UUID,
    payload: NewTransition,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> ObservationDetail:
    """It was sent to an institution, or answered by one."""
    return _detail(
        *await service.move_observation(
            session, observation_id, payload, caller=caller, audit=audit
        )
    )


@router.put("/observations/{observation_id}/moderation", name="moderate_observation")
async def moderate_observation(
    observation_id: UUID,
    payload: Moderation,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
) -> ObservationPublic:
    """Publish it, or take it back, with words about institutions only."""
    return ObservationPublic.model_validate(
        await service.moderate_observation(
            session, observation_id, payload, caller=caller, audit=audit
        )
    )


def _detail(
    observation: Observation, transitions: list[ObservationTransition]
) -> ObservationDetail:
    steps = [TransitionPublic.model_validate(one) for one in transitions]
    return ObservationDetail.model_validate({**observation.model_dump(), "transitions": steps})
