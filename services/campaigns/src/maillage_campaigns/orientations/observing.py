"""Obstacles on their way to the directory's observations."""

from uuid import UUID

from sqlmodel import select

from maillage_campaigns.clients import DirectoryClient
from maillage_campaigns.events import CampaignsEvent
from maillage_campaigns.models import Observation
from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_common.events import log


async def post_to_directory(
    database: Database, directory: DirectoryClient, observation_id: UUID
) -> None:
    """Post it once; PeerUnavailable and PeerRefused make the job run again."""
    async with database.write(system=SystemReason.DELIVERY) as session:
        observation = (
            await session.exec(
                select(Observation).where(Observation.id == observation_id).with_for_update()
            )
        ).first()
        if observation is None or observation.posted_at is not None:
            return
        await directory.note_obstacle(
            reference=observation.id,
            obstacle=observation.obstacle,
            need=observation.need,
            territory=observation.territory,
            observed_on=observation.observed_on,
        )
        observation.posted_at = clock.now()
    log(CampaignsEvent.OBSTACLE_POSTED)
