"""/leases and /callbacks: for counsellors, each their own."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from maillage_campaigns.calling import attempts, follow_ups, leasing
from maillage_campaigns.calling.leasing import Desk
from maillage_campaigns.calling.schemas import (
    AttemptGiven,
    AttemptRecorded,
    FollowUp,
    LeaseHeld,
    LeasePublic,
    LeaseWanted,
    NobodyLeft,
    TokenGiven,
)
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.tenancy import CALL, tenant_of
from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, CallerToken, requires
from maillage_common.database import DatabaseDep, WriteSession
from maillage_common.pagination import Cursor, CursorsDep, Limit, Page

router = maillage_router(prefix="/campaigns/v1", tags=["calling"])


async def desk_of(
    request: Request, caller: Annotated[Caller, requires(CALL, individual=True)]
) -> Desk:
    settings = request.app.state.settings
    return Desk(
        caller=caller,
        keys=TenantKeys(settings.secret, tenant_of(caller)),
        lease_lasts=timedelta(minutes=settings.lease_minutes),
    )


CounsellorDesk = Annotated[Desk, Depends(desk_of)]


@router.post("/leases", status_code=201, responses={200: {"model": NobodyLeft}})
async def lease_next_person(
    wanted: LeaseWanted,
    desk: CounsellorDesk,
    session: WriteSession,
    audit: Audit,
    response: Response,
) -> LeasePublic | NobodyLeft:
    """201 with the next person for this counsellor; 200 with the reasons when there is none."""
    found = await leasing.lease_next(session, audit, desk, wanted)
    if isinstance(found, NobodyLeft):
        response.status_code = 200
    else:
        response.headers["Location"] = f"/campaigns/v1/leases/{found.id}"
    return found


@router.get("/leases/{lease_id}")
async def read_lease(
    lease_id: UUID, desk: CounsellorDesk, session: WriteSession, audit: Audit
) -> LeasePublic:
    """One's own lease: while it lives, while its callback is open, until its orientation closed."""
    return await leasing.read_lease(session, audit, desk, lease_id)


@router.post("/leases/{lease_id}/extension")
async def extend_lease(
    lease_id: UUID, given: TokenGiven, desk: CounsellorDesk, session: WriteSession, audit: Audit
) -> LeaseHeld:
    """As long again from now; two hours in all at most."""
    lease = await leasing.extend_lease(
        session, audit, desk, lease_id, fencing_token=given.fencing_token
    )
    return LeaseHeld.model_validate(lease)


@router.post("/leases/{lease_id}/release")
async def release_lease(
    lease_id: UUID, given: TokenGiven, desk: CounsellorDesk, session: WriteSession, audit: Audit
) -> LeaseHeld:
    """Give the person back uncalled. Idempotent."""
    lease = await leasing.release_lease(
        session, audit, desk, lease_id, fencing_token=given.fencing_token
    )
    return LeaseHeld.model_validate(lease)


@router.post("/leases/{lease_id}/attempts", status_code=201)
async def record_attempt(
    lease_id: UUID,
    given: AttemptGiven,
    desk: CounsellorDesk,
    session: WriteSession,
    audit: Audit,
    database: DatabaseDep,
    token: CallerToken,
    request: Request,
) -> AttemptRecorded:
    """The result of the call; ends the lease. A late one is kept as evidence and answers 409."""
    line = attempts.Line(database, request.app.state.referrals, request.app.state.needs, token)
    return await attempts.record_attempt(session, audit, desk, line, lease_id, given)


@router.get("/callbacks")
async def list_callbacks(
    desk: CounsellorDesk,
    session: WriteSession,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[FollowUp]:
    """What one promised or started: own callbacks, and orientations with the person's answer."""
    return await follow_ups.list_follow_ups(session, cursors, desk, limit=limit, cursor=cursor)
