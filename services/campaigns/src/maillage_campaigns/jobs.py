"""Background jobs. Arguments are ids of our own and a mutuality's code; never a person."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from maillage_campaigns.clients import directory_client, referrals_client
from maillage_campaigns.errors import UnknownNeed
from maillage_campaigns.imports.comparing import compare_list
from maillage_campaigns.imports.merging import merge_list
from maillage_campaigns.imports.parsing import ListParsing
from maillage_campaigns.imports.service import erase_file
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import ListImport, Mutuality
from maillage_campaigns.orientations.observing import post_to_directory
from maillage_campaigns.orientations.service import retry_orientation
from maillage_campaigns.placing import PLACE_ORIENTATION
from maillage_campaigns.reports.publishing import publish
from maillage_campaigns.settings import Settings
from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.code_copies import KnownCodes
from maillage_common.jobs import JobQueue
from maillage_common.peers import PeerUnavailable

queue = JobQueue("campaigns")


def _settings() -> Settings:
    assert isinstance(queue.settings, Settings)
    return queue.settings


@queue.task("parse_import")
async def parse_import(*, import_id: str, tenant: str) -> None:
    await ListParsing(queue.database, _settings(), tenant=tenant, import_id=UUID(import_id)).run()


@queue.task("compare_import")
async def compare_import(*, import_id: str, tenant: str) -> None:
    await compare_list(queue.database, tenant=tenant, import_id=UUID(import_id))


@queue.task("merge_import")
async def merge_import(*, import_id: str, tenant: str) -> None:
    await merge_list(
        queue.database,
        tenant=tenant,
        import_id=UUID(import_id),
        slice_rows=_settings().import_batch_rows,
    )


@queue.task(PLACE_ORIENTATION)
async def retry_placing(*, orientation_id: str, tenant: str) -> None:
    settings = _settings()
    async with referrals_client(settings) as referrals:
        await retry_orientation(
            queue.database, referrals, TenantKeys(settings.secret, tenant), UUID(orientation_id)
        )


@queue.task("post_observation")
async def post_observation(*, observation_id: str) -> None:
    """One obstacle to the directory, by our own token; it knows neither person nor mutuality."""
    async with directory_client(_settings()) as directory:
        await post_to_directory(queue.database, directory, UUID(observation_id))


@queue.periodic("copy_needs", cron="*/5 * * * *")
async def copy_needs() -> None:
    async with directory_client(_settings()) as directory:
        known = KnownCodes(UnknownNeed, directory.list_needs, queue.database)
        # Away is no failure of ours: the copy serves, and the next tick asks again.
        with suppress(PeerUnavailable):
            await known.refresh()


@queue.task("publish_tables")
async def publish_tables(*, publication_id: str) -> None:
    await publish(queue.database, UUID(publication_id))


@queue.periodic("erase_old_files", cron="17 3 * * *")
async def erase_old_files() -> None:
    """Sealed lists are kept `raw_file_days` at most, whatever became of them."""
    before = clock.now() - timedelta(days=_settings().raw_file_days)
    async with queue.database.write(system=SystemReason.RETENTION) as session:
        tenants = (await session.exec(select(Mutuality.tenant))).all()
    for tenant in tenants:
        async with queue.database.write(system=SystemReason.RETENTION, tenant=tenant) as session:
            old = await session.exec(
                select(ListImport).where(
                    ListImport.tenant == tenant,
                    ListImport.received_at < before,
                    col(ListImport.file_erased_at).is_(None),
                )
            )
            for held in old.all():
                await erase_file(session, held)
