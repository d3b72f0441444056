from typing import Annotated

from fastapi import Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_common.preconditions import etag
from maillage_referrals.access.routes import DirectoryDep, NeedsDep, PartyDep, SettingsDep
from maillage_referrals.orientations import service
from maillage_referrals.orientations.schemas import OrientationPublic, OrientationRequest

router = maillage_router(prefix="/referrals/v1", tags=["referrals"])

# Machines are refused in the service, all but one: campaigns, for anonymous people.
Writer = Annotated[Caller, requires("referrals:write")]


@router.post("/referrals", status_code=201)
async def orient(
    caller: Writer,
    party: PartyDep,
    session: WriteSession,
    audit: Audit,
    settings: SettingsDep,
    directory: DirectoryDep,
    needs: NeedsDep,
    response: Response,
    body: OrientationRequest,
) -> OrientationPublic:
    """Orient a person to a service: subject, consent, hand-over and referral together."""
    referral = await service.orient(session, party, audit, settings, directory, needs, request=body)
    response.headers["ETag"] = etag(referral.version)
    response.headers["Location"] = f"/referrals/v1/referrals/{referral.id}"
    return referral
