from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, open_to_anyone, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import Page
from maillage_common.tokens import TokenSigner
from maillage_referrals.access.party import SUBJECT_SCOPE
from maillage_referrals.access.routes import KeysDep, PartyDep, Person, SettingsDep
from maillage_referrals.cards import service
from maillage_referrals.cards.schemas import (
    CardPublic,
    CardSessionPublic,
    CardSessionRequest,
    NewCardPublic,
    NewCardRequest,
    OneTimeCodePublic,
    RevocationRequest,
)

router = maillage_router(prefix="/referrals/v1", tags=["cards"])

Anyone = Annotated[Caller, open_to_anyone()]
PersonOrWorker = Annotated[Caller, requires(SUBJECT_SCOPE, "consents:write", individual=True)]
NOT_REPEATABLE = {"x-no-idempotency": True}


async def get_card_signer(request: Request) -> TokenSigner:
    signer: TokenSigner = request.app.state.card_signer
    return signer


CardSignerDep = Annotated[TokenSigner, Depends(get_card_signer)]


@router.post("/card-sessions", status_code=201, openapi_extra=NOT_REPEATABLE)
async def open_card_session(
    caller: Anyone,
    session: WriteSession,
    keys: KeysDep,
    signer: CardSignerDep,
    settings: SettingsDep,
    body: CardSessionRequest,
) -> CardSessionPublic:
    """The QR's secret for a short token of the person. No account, no name, no number."""
    return await service.open_card_session(
        session,
        caller,
        secret=body.secret,
        keys=keys,
        signer=signer,
        lifetime=timedelta(minutes=settings.card_session_minutes),
    )


@router.get("/jwks.json")
async def get_jwks(caller: Anyone, signer: CardSignerDep) -> dict[str, list[dict[str, str]]]:
    """The keys that sign card sessions (RFC 7517)."""
    return signer.jwks()


@router.get("/subjects/{handle}/cards")
async def list_cards(
    caller: Person, party: PartyDep, session: WriteSession, handle: str
) -> Page[CardPublic]:
    cards = await service.list_own_cards(session, party, handle=handle)
    return Page(items=cards, next_cursor=None)


@router.post("/subjects/{handle}/cards", status_code=201)
async def add_card(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    handle: str,
    body: NewCardRequest,
) -> NewCardPublic:
    """Another card; to replace one, revoke the old one too."""
    return await service.add_card(
        session, party, audit, handle=handle, card_secret=body.card_secret
    )


@router.post("/subjects/{handle}/cards/{card_id}/revocation")
async def revoke_card(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    handle: str,
    card_id: UUID,
    body: RevocationRequest,
) -> CardPublic:
    """Lost, stolen, replaced: it opens nothing from now on, and its open sessions end."""
    return await service.revoke_card(
        session, party, audit, handle=handle, card_id=card_id, reason=body.reason
    )


@router.post("/subjects/{handle}/one-time-codes", status_code=201)
async def make_one_time_code(
    caller: Person,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    handle: str,
) -> OneTimeCodePublic:
    return await service.make_one_time_code(
        session,
        party,
        audit,
        handle=handle,
        lifetime=timedelta(minutes=settings.one_time_code_minutes),
    )
