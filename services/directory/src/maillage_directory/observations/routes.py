"""`/directory/v1/observations`."""

from typing import Annotated

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, open_to_anyone, requires
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.observations import service
from maillage_directory.observations.schemas import (
    NewObservation,
    ObservationCount,
    ObservationCounts,
    ObservationParams,
    ObservationPublic,
)

router = maillage_router(prefix="/directory/v1", tags=["observations"])
Anyone = Annotated[Caller, open_to_anyone()]
Worker = Annotated[Caller, requires("directory:write", "directory:admin")]


@router.post("/observations", name="note_observation", status_code=201)
async def note_observation(
    payload: NewObservation,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Worker,
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
    params: Annotated[ObservationParams, Query()],
    request: Request,
    session: ReadSession,
    caller: Anyone,
) -> ObservationCounts:
    """How often by need, obstacle and territory; without anyone's words."""
    rows = await service.read_counts(session, params, vocabulary=request.app.state.vocabulary)
    return ObservationCounts(items=[ObservationCount.model_validate(row) for row in rows])
