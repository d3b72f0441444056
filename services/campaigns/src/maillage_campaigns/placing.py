"""Turning an orientation into an anonymous referral, once by whoever comes first: the call's own
request, or the job that retries it without a person.
"""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.clients import ReferralPlaced, ReferralsClient, ReferralWanted
from maillage_campaigns.events import CampaignsEvent
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Orientation, OrientationRoute, OrientationState
from maillage_common import clock
from maillage_common.events import log
from maillage_common.peers import PeerRefused, PeerUnavailable

PLACE_ORIENTATION = "place_orientation"
# Not about this orientation: too slow, at the same time as its own retry, or too many at once.
_TRY_AGAIN = frozenset({408, 409, 425, 429})


def orientation_context(orientation: Orientation) -> bytes:
    """What ties a sealed card code to its orientation."""
    return f"orientation:{orientation.id}".encode()


async def place_orientation(
    session: AsyncSession,
    referrals: ReferralsClient,
    keys: TenantKeys,
    orientation: Orientation,
    *,
    caller_token: str | None,
) -> bool:
    """Whether it is settled (placed or refused). False: referrals is down, try again later."""
    wanted = ReferralWanted(
        reference=orientation.id,
        service_id=orientation.service_id,
        needs=orientation.needs,
        consent=orientation.consent,
        organization=orientation.organization_id,
    )
    try:
        placed = await referrals.place(wanted, caller_token=caller_token)
    except PeerUnavailable:
        log(CampaignsEvent.ORIENTATION_PENDING, orientation_id=str(orientation.id))
        return False
    except PeerRefused as refused:
        if refused.status in _TRY_AGAIN:
            log(CampaignsEvent.ORIENTATION_PENDING, orientation_id=str(orientation.id))
            return False
        orientation.state = OrientationState.REFUSED
        orientation.refused_code = refused.code or "refused"
        log(CampaignsEvent.ORIENTATION_REFUSED, code=orientation.refused_code)
        return True
    await _note_placed(session, keys, orientation, placed)
    return True


async def _note_placed(
    session: AsyncSession, keys: TenantKeys, orientation: Orientation, placed: ReferralPlaced
) -> None:
    orientation.state = OrientationState.PLACED
    orientation.referral_id = placed.referral_id
    orientation.referral_state = placed.state
    orientation.placed_at = clock.now()
    if placed.person_answer is not None:
        orientation.person_answer = placed.person_answer
    if placed.card_code is not None:
        orientation.sealed_card_code = keys.seal(
            placed.card_code.encode(), context=orientation_context(orientation)
        )
    route = {
        "referral_id": placed.referral_id,
        "tenant": keys.tenant,
        "orientation_id": orientation.id,
    }
    await session.exec(insert(OrientationRoute).values(**route).on_conflict_do_nothing())
    log(CampaignsEvent.ORIENTATION_PLACED, orientation_id=str(orientation.id))
