"""Retrying orientations without a person, and hearing what became of them."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import select

from maillage_campaigns.clients import ReferralsClient
from maillage_campaigns.errors import ReferralNotKnownYet
from maillage_campaigns.events import AuditEvent
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Orientation, OrientationRoute, OrientationState
from maillage_campaigns.orientations.schemas import ReferralEvent
from maillage_campaigns.placing import place_orientation
from maillage_common import clock
from maillage_common.audit import AuditTrail, SystemReason
from maillage_common.database import Database
from maillage_common.peers import PeerUnavailable

REFERRAL_UPDATED = "referral.updated"
# The event may overtake the commit of the transaction that placed the referral.
_KNOWN_WITHIN = timedelta(minutes=1)


async def retry_orientation(
    database: Database, referrals: ReferralsClient, keys: TenantKeys, orientation_id: UUID
) -> None:
    """Place a pending orientation by our own token. Raises PeerUnavailable: the job runs again."""
    async with database.write(system=SystemReason.DELIVERY, tenant=keys.tenant) as session:
        orientation = (
            await session.exec(
                select(Orientation)
                .where(Orientation.tenant == keys.tenant, Orientation.id == orientation_id)
                .with_for_update()
            )
        ).first()
        if orientation is None or orientation.state is not OrientationState.PENDING:
            return
        if not await place_orientation(session, referrals, keys, orientation, caller_token=None):
            raise PeerUnavailable


async def note_referral_event(database: Database, event: ReferralEvent) -> None:
    """Keep the referral's state and the person's answer; an older event changes nothing."""
    if event.type != REFERRAL_UPDATED:
        return
    async with database.write(system=SystemReason.PEER_EVENT) as session:
        route = await session.get(OrientationRoute, event.data.referral_id)
    if route is None:
        if clock.now() - event.timestamp < _KNOWN_WITHIN:
            raise ReferralNotKnownYet
        return
    async with database.write(system=SystemReason.PEER_EVENT, tenant=route.tenant) as session:
        orientation = (
            await session.exec(
                select(Orientation)
                .where(Orientation.tenant == route.tenant, Orientation.id == route.orientation_id)
                .with_for_update()
            )
        ).first()
        if orientation is None:
            return
        if orientation.last_event_at is not None and orientation.last_event_at >= event.timestamp:
            return
        orientation.last_event_at = event.timestamp
        orientation.referral_state = event.data.state
        if event.data.person_answer is not None:
            orientation.person_answer = event.data.person_answer
            orientation.answered_at = orientation.answered_at or clock.now()
        AuditTrail(session, SystemReason.PEER_EVENT).record(
            AuditEvent.REFERRAL_EVENT,
            entity="orientation",
            entity_id=orientation.id,
            changes={"state": event.data.state, "person_answer": event.data.person_answer},
        )
