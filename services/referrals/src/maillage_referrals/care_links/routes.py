from typing import Annotated
from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.pagination import Page
from maillage_referrals.access.party import SUBJECT_SCOPE
from maillage_referrals.access.routes import PartyDep, SettingsDep
from maillage_referrals.care_links import service
from maillage_referrals.care_links.schemas import CareLinkPublic, CareLinkRequest

router = maillage_router(prefix="/referrals/v1", tags=["care links"])

PersonOrWorker = Annotated[
    Caller, requires(SUBJECT_SCOPE, "consents:write", "referrals:write", individual=True)
]


@router.post("/care-links", status_code=201)
async def make_care_link(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    body: CareLinkRequest,
) -> CareLinkPublic:
    """Who looks after the person, with the evidence that the person took part."""
    party.refuse_services()
    return await service.make_care_link(session, party, audit, settings, request=body)


@router.get("/subjects/{handle}/care-links")
async def list_care_links(
    caller: PersonOrWorker,
    party: PartyDep,
    session: WriteSession,
    handle: str,
) -> Page[CareLinkPublic]:
    party.refuse_services()
    links = await service.list_visible_care_links(session, party, handle=handle)
    return Page(items=links, next_cursor=None)


@router.post("/care-links/{link_id}/ending")
async def end_care_link(
    caller: PersonOrWorker, party: PartyDep, session: WriteSession, audit: Audit, link_id: UUID
) -> CareLinkPublic:
    """Takes effect at once, asks nothing, and may be repeated."""
    party.refuse_services()
    return await service.end_care_link(session, party, audit, link_id=link_id)
