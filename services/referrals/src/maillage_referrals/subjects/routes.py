from typing import Annotated

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_referrals.access.routes import PartyDep
from maillage_referrals.subjects import service
from maillage_referrals.subjects.schemas import (
    NewSubjectPublic,
    NewSubjectRequest,
    ResolvedPublic,
    ResolveRequest,
)

router = maillage_router(prefix="/referrals/v1", tags=["subjects"])

Writer = Annotated[Caller, requires("consents:write", "referrals:write", individual=True)]
Worker = Annotated[
    Caller, requires("referrals:read", "referrals:write", "consents:write", individual=True)
]


@router.post("/subjects", status_code=201)
async def start_subject(
    caller: Writer,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    body: NewSubjectRequest | None = None,
) -> NewSubjectPublic:
    """An anonymous person and their first card. Print the QR now: it is never shown again."""
    return await service.start_subject(session, party, audit)


@router.post("/subjects/resolve", openapi_extra={"x-no-idempotency": True})
async def resolve_subject(
    caller: Worker, party: PartyDep, session: WriteSession, audit: Audit, body: ResolveRequest
) -> ResolvedPublic:
    """What this organization calls the holder of a card. Tells nothing about existence."""
    return await service.resolve(
        session, party, audit, secret=body.card_secret, code=body.card_code
    )
