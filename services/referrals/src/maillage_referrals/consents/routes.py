from typing import Annotated
from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import Page
from maillage_referrals.access.party import SUBJECT_SCOPE
from maillage_referrals.access.routes import PartyDep, SettingsDep
from maillage_referrals.consents import service
from maillage_referrals.consents.schemas import ActivationRequest, ConsentPublic, ConsentRequest

router = maillage_router(prefix="/referrals/v1", tags=["consents"])

PersonOrWorker = Annotated[Caller, requires(SUBJECT_SCOPE, "consents:write", individual=True)]


@router.post("/consents", status_code=201)
async def record_consent(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    body: ConsentRequest,
) -> ConsentPublic:
    """Who may see what, why and until when, given by the person. The answer is the receipt."""
    party.refuse_services()
    return await service.record_consent(session, party, audit, settings, request=body)


@router.get("/subjects/{handle}/consents")
async def list_consents(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    handle: str,
) -> Page[ConsentPublic]:
    party.refuse_services()
    consents = await service.list_visible_consents(session, party, audit, handle=handle)
    return Page(items=consents, next_cursor=None)


@router.get("/consents/{consent_id}")
async def get_consent(
    caller: PersonOrWorker, party: PartyDep, session: WriteSession, audit: Audit, consent_id: UUID
) -> ConsentPublic:
    party.refuse_services()
    return await service.get_visible_consent(session, party, audit, consent_id=consent_id)


@router.post("/consents/{consent_id}/activation")
async def activate_consent(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    consent_id: UUID,
    body: ActivationRequest,
) -> ConsentPublic:
    """The person agrees to a proposed consent."""
    party.refuse_services()
    return await service.activate_consent(
        session, party, audit, settings, consent_id=consent_id, proof=body.proof
    )


@router.post("/consents/{consent_id}/withdrawal")
async def withdraw_consent(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    consent_id: UUID,
) -> ConsentPublic:
    """Takes effect at once and everywhere, asks nothing, and may be repeated."""
    party.refuse_services()
    return await service.withdraw_consent(session, party, audit, settings, consent_id=consent_id)
