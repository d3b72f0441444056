"""`/directory/v1/delegations`: curators of territories."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_directory.callers import Admin, Editor
from maillage_directory.delegations import service
from maillage_directory.delegations.schemas import (
    DelegationParams,
    DelegationPublic,
    NewDelegation,
)

router = maillage_router(prefix="/directory/v1", tags=["delegations"])


@router.post("/delegations", name="give_delegation", status_code=201)
async def give_delegation(
    payload: NewDelegation, request: Request, session: WriteSession, audit: Audit, _: Admin
) -> DelegationPublic:
    """From then on that organization may edit the records of the territory."""
    given = await service.give_delegation(
        session, payload, audit=audit, vocabulary=request.app.state.vocabulary
    )
    return DelegationPublic.model_validate(given)


@router.get("/delegations", name="list_delegations")
async def list_delegations(
    params: Annotated[DelegationParams, Query()],
    request: Request,
    session: ReadSession,
    cursors: CursorsDep,
    caller: Editor,
) -> Page[DelegationPublic]:
    """Those of the caller's organization; all of them with `directory:admin`."""
    rows, next_cursor = await service.read_delegations(
        session,
        params,
        caller=caller,
        cursors=cursors,
        vocabulary=request.app.state.vocabulary,
    )
    return Page(
        items=[DelegationPublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.delete("/delegations/{delegation_id}", name="end_delegation", status_code=204)
async def end_delegation(
    delegation_id: UUID, session: WriteSession, audit: Audit, _: Admin
) -> None:
    await service.end_delegation(session, delegation_id, audit=audit)
