from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import Cursor, Cursors, CursorsDep, Limit, Page
from maillage_common.preconditions import IfMatch, etag
from maillage_referrals.access.party import SUBJECT_SCOPE
from maillage_referrals.access.routes import PartyDep, SettingsDep
from maillage_referrals.referrals import service
from maillage_referrals.referrals.queries import select_inbox, select_outbox
from maillage_referrals.referrals.schemas import (
    AnswerRequest,
    ClosedReferralPublic,
    ReferralItem,
    ReferralPublic,
    StepPublic,
    TransitionRequest,
)
from maillage_referrals.vocabulary import ReferralStatus

router = maillage_router(prefix="/referrals/v1", tags=["referrals"])

# A sender needs no more than `referrals:write` to follow what they sent.
Concerned = Annotated[
    Caller, requires(SUBJECT_SCOPE, "referrals:read", "referrals:write", individual=True)
]
Receiver = Annotated[Caller, requires("referrals:read", individual=True)]
Sender = Annotated[Caller, requires("referrals:read", "referrals:write", individual=True)]
Mover = Annotated[Caller, requires(SUBJECT_SCOPE, "referrals:write", individual=True)]
StatusFilter = Annotated[ReferralStatus | None, Query()]


@router.get("/referrals/{referral_id}")
async def read_referral(
    caller: Concerned,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    response: Response,
    referral_id: UUID,
) -> ReferralPublic | ClosedReferralPublic:
    """One referral, as its sender, its receiver or the person sees it."""
    referral = await service.read_referral(session, party, audit, referral_id=referral_id)
    response.headers["ETag"] = etag(referral.version)
    return referral


@router.get("/referrals/{referral_id}/history")
async def list_history(
    caller: Concerned, party: PartyDep, session: WriteSession, audit: Audit, referral_id: UUID
) -> Page[StepPublic]:
    steps = await service.list_history(session, party, audit, referral_id=referral_id)
    return Page(items=steps, next_cursor=None)


@router.post("/referrals/{referral_id}/transitions")
async def move_referral(
    caller: Mover,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    response: Response,
    referral_id: UUID,
    body: TransitionRequest,
    if_match: IfMatch = None,
) -> ReferralPublic | ClosedReferralPublic:
    """One of the states listed in `next`. Withdrawing is unconditional."""
    referral = await service.move_referral(
        session,
        party,
        audit,
        settings,
        referral_id=referral_id,
        if_match=if_match,
        request=body,
    )
    response.headers["ETag"] = etag(referral.version)
    return referral


@router.post("/referrals/{referral_id}/answer")
async def answer_referral(
    caller: Mover,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    response: Response,
    referral_id: UUID,
    body: AnswerRequest,
) -> ReferralPublic | ClosedReferralPublic:
    """Did the person get an answer? Only this closes the loop."""
    referral = await service.answer_referral(
        session, party, audit, settings, referral_id=referral_id, request=body
    )
    response.headers["ETag"] = etag(referral.version)
    return referral


@router.get("/inbox")
async def list_inbox(
    caller: Receiver,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
    status: StatusFilter = None,
) -> Page[ReferralItem]:
    """What was sent to the caller's organization."""
    party.refuse_services()
    query = {"inbox": str(party.own_organization()), "status": status}
    select = select_inbox(
        party.own_organization(),
        status=status,
        after=_after(cursors, cursor, query),
        limit=limit + 1,
    )
    return await service.list_page(
        session, party, audit, select=select, query=query, limit=limit, cursors=cursors
    )


@router.get("/outbox")
async def list_outbox(
    caller: Sender,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    cursors: CursorsDep,
    limit: Limit = 20,
    cursor: Cursor = None,
    status: StatusFilter = None,
    closed: bool = False,
) -> Page[ReferralItem]:
    """What the caller's organization sent and the person has no answer to; all with `closed`."""
    query = {"outbox": str(party.own_organization()), "status": status, "closed": closed}
    select = select_outbox(
        party.own_organization(),
        closed=closed,
        status=status,
        after=_after(cursors, cursor, query),
        limit=limit + 1,
    )
    return await service.list_page(
        session, party, audit, select=select, query=query, limit=limit, cursors=cursors
    )


def _after(cursors: Cursors, cursor: str | None, query: object) -> UUID | None:
    return UUID(cursors.decode(cursor, query=query)[0]) if cursor else None
