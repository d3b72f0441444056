"""Background jobs of the directory. Purges of the common tables are the queue's own."""

from uuid import UUID

from maillage_common import clock
from maillage_common.audit import SystemReason
from maillage_common.jobs import JobQueue
from maillage_directory.duplicates.service import compare_changed
from maillage_directory.imports.running import Importing
from maillage_directory.imports.service import JOB as IMPORT_RECORDS
from maillage_directory.imports.service import KEPT_FOR, erase_undecided

queue = JobQueue("directory")


@queue.task(IMPORT_RECORDS)
async def import_records(*, import_id: str) -> None:
    await Importing(queue.database, UUID(import_id)).run()


@queue.periodic("erase_old_files", cron="23 3 * * *")
async def erase_old_files() -> None:
    """Files of dry runs that nobody decided about."""
    async with queue.database.write(system=SystemReason.RETENTION) as session:
        await erase_undecided(session, before=clock.now() - KEPT_FOR)
@queue.periodic("find_duplicates", cron="*/2 * * * *")
async def find_duplicates() -> None:
    """Compare what changed since the last run with everything. Never merges."""
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        await compare_changed(session)
