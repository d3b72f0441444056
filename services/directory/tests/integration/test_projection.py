"""What is derived is what was written, whoever else writes."""

import asyncio
from typing import Any

from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_directory import projection


async def run(session: Any, sql: str, **values: Any) -> Any:
    return await (await session.connection()).execute(text(sql), values)


async def test_what_another_transaction_writes_meanwhile_is_in_the_card(directory: Any) -> None:
    """Deriving waits for whoever is writing a service: it would else put back what was before."""
    await directory.has(directory.service("desk"))
    desk, host = directory.id("service", "desk"), directory.id("organization", "host")

    async def rename_owner() -> None:
        async with directory.database.write(system=SystemReason.IMPORT) as session:
            await run(session, "UPDATE organization SET name = :name", name='{"fr": "Autre"}')
            await projection.refresh(session, organizations=[host])

    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await run(session, "UPDATE service SET email = 'desk@example.org'")
        await projection.refresh(session, services=[desk])
        renaming = asyncio.create_task(rename_owner())
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        async with asyncio.timeout(30), directory.database.read() as other:
            while not (await run(other, waits)).scalar_one():
                await asyncio.sleep(0)
    await renaming
    async with directory.database.read() as session:
        card = (
            await run(session, "SELECT content FROM card WHERE resource_type = 'service'")
        ).scalar_one()
    assert (card["email"], card["organization"]["name"]) == ("desk@example.org", {"fr": "Autre"})


async def test_many_are_derived_as_few_are(directory: Any, monkeypatch: Any) -> None:
    await directory.has(*(directory.service(f"desk {number}") for number in range(5)))
    derived = "SELECT to_jsonb(c) FROM card c ORDER BY resource_id"
    async with directory.database.read() as session:
        few = (await run(session, derived)).scalars().all()
    monkeypatch.setattr(projection, "_AT_ONCE", 2)
    monkeypatch.setattr(projection, "_MANY", 1)
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await run(session, "DELETE FROM card WHERE resource_type = 'service'")
        await run(session, "DELETE FROM service_search")
        await projection.refresh(session)
    async with directory.database.read() as session:
        many = (await run(session, derived)).scalars().all()
        found = (await run(session, "SELECT count(*) FROM service_search")).scalar_one()

    def content(cards: Any) -> Any:
        return [card["content"] for card in cards]

    assert content(many) == content(few)
    assert found == 5
