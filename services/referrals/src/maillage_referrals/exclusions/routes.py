from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import WriteSession
from maillage_common.pagination import Page
from maillage_referrals.access.routes import PartyDep, Person, SettingsDep
from maillage_referrals.exclusions import service
from maillage_referrals.exclusions.schemas import ExclusionPublic, ExclusionRequest

router = maillage_router(prefix="/referrals/v1", tags=["exclusions"])


@router.post("/exclusions", status_code=201)
async def exclude(
    caller: Person,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    body: ExclusionRequest,
) -> ExclusionPublic:
    """Keep an organization or a professional away from everything. They are not told."""
    return await service.exclude(session, party, audit, settings, request=body)


@router.get("/subjects/{handle}/exclusions")
async def list_exclusions(
    caller: Person,
    party: PartyDep,
    session: WriteSession,
    handle: str,
) -> Page[ExclusionPublic]:
    exclusions = await service.list_own_exclusions(session, party, handle=handle)
    return Page(items=exclusions, next_cursor=None)


@router.post("/exclusions/{exclusion_id}/lifting")
async def lift_exclusion(
    caller: Person, party: PartyDep, session: WriteSession, audit: Audit, exclusion_id: UUID
) -> ExclusionPublic:
    return await service.lift_exclusion(session, party, audit, exclusion_id=exclusion_id)
