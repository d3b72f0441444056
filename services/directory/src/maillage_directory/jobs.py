"""Background jobs of the directory. Purges of the common tables are the queue's own."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.jobs import JobQueue
from maillage_common.webhooks import WebhookDelivery, WebhookEndpoint, register_delivery
from maillage_directory import projection
from maillage_directory.duplicates.service import compare_changed
from maillage_directory.enquiries.service import KEPT_FOR as ENQUIRIES_KEPT_FOR
from maillage_directory.enquiries.service import erase_enquiries
from maillage_directory.imports.running import Importing
from maillage_directory.imports.service import JOB as IMPORT_RECORDS
from maillage_directory.imports.service import KEPT_FOR, erase_undecided
from maillage_directory.saved_searches.telling import prepare_delivery, tell_changes
from maillage_directory.settings import Settings
from maillage_directory.webhooks.transport import PublicTransport

queue = JobQueue("directory")


@queue.task(IMPORT_RECORDS)
async def import_records(*, import_id: str) -> None:
    await Importing(queue.database, UUID(import_id)).run()


@queue.periodic("erase_old_files", cron="23 3 * * *")
async def erase_old_files() -> None:
    """Files of dry runs that nobody decided about."""
    async with queue.database.write(system=SystemReason.RETENTION) as session:
        await erase_undecided(session, before=clock.now() - KEPT_FOR)


@queue.periodic("erase_old_enquiries", cron="41 3 * * *")
async def erase_old_enquiries() -> None:
    """Questions to desks, half a year after they were asked."""
    async with queue.database.write(system=SystemReason.RETENTION) as session:
        await erase_enquiries(session, before=clock.now() - ENQUIRIES_KEPT_FOR)


@queue.periodic("find_duplicates", cron="* * * * * */15")
async def find_duplicates() -> None:
    """Compare what changed since the last run with everything. Never merges."""
    more = True
    while more:
        async with queue.database.write(system=SystemReason.CLOCK) as session:
            more = await compare_changed(session)


@queue.periodic("refresh_dated", cron="4 * * * *")
async def refresh_dated() -> None:
    """Memberships of territories that began or ended: a search reads what is derived from them."""
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        await projection.refresh_dated(session)


def _settings() -> Settings:
    assert isinstance(queue.settings, Settings)
    return queue.settings


@queue.periodic("tell_saved_searches", cron="* * * * *")
async def tell_saved_searches() -> None:
    """Tell the endpoints of saved searches what they find among what changed."""
    more = True
    while more:
        async with queue.database.write(system=SystemReason.CLOCK) as session:
            more = await tell_changes(session, _settings())


async def _prepare(session: AsyncSession, delivery: WebhookDelivery) -> WebhookEndpoint | None:
    return await prepare_delivery(session, delivery, _settings())


register_delivery(
    queue,
    transport=PublicTransport(lambda: _settings().webhooks_to_loopback),
    prepare=_prepare,
)
