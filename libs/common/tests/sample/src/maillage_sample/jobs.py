from sqlalchemy import text

from maillage_common.jobs import Backoff, JobQueue
from maillage_common.webhooks import register_delivery
from maillage_sample.models import Note

queue = JobQueue("sample")
register_delivery(queue)


@queue.task("shout")
async def shout(*, words: str, tenant: str) -> None:
    async with queue.database.write(system="clock", tenant=tenant) as session:
        session.add(Note.model_validate({"tenant": tenant, "words": words.upper()}))


@queue.task("shout_slowly")
async def shout_slowly(*, words: str, tenant: str) -> None:
    async with queue.database.write(system="clock", tenant=tenant) as session:
        session.add(Note.model_validate({"tenant": tenant, "words": words.upper()}))
        await session.flush()
        connection = await session.connection()
        await connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))


@queue.task("stumble", retry=Backoff(attempts=1, cap=1))
async def stumble() -> None:
    raise RuntimeError("a message that may quote Amina")
