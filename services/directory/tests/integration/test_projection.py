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


async def test_a_service_that_comes_while_its_organization_is_hidden_is_hidden_too(
    directory: Any,
) -> None:
    await directory.has()
    host = directory.id("organization", "host")
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await run(session, "UPDATE organization SET visibility = 'own'")
        await projection.refresh(session, organizations=[host])
        adding = asyncio.create_task(directory.loads(directory.service("desk")))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        async with asyncio.timeout(30), directory.database.read() as other:
            while not (adding.done() or (await run(other, waits)).scalar_one()):
                await asyncio.sleep(0)
    await adding
    seen = "SELECT organization_visibility FROM card WHERE resource_type = 'service'"
    async with directory.database.read() as session:
        assert (await run(session, seen)).scalars().all() == ["own"]


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


async def test_a_drawn_outline_derives_what_it_touches_and_nothing_else(
    directory: Any, client: Any, admin: Any
) -> None:
    """In the request that draws it, however many services lie elsewhere."""

    def outline(west: float) -> dict[str, Any]:
        ring = [[west, 50.8], [west + 0.1, 50.8], [west + 0.1, 50.9], [west, 50.9], [west, 50.8]]
        return {"geometry": {"type": "Polygon", "coordinates": [ring]}}

    await directory.has(
        directory.service("west", locations=[directory.place(50.85, 4.25)]),
        directory.service("east", locations=[directory.place(50.85, 4.45)]),
        directory.service("zone", action_zones=["nord"]),
        directory.service("far", locations=[directory.place(50.4, 4.45)]),
    )

    async def rows() -> dict[Any, tuple[str, bool]]:
        """By service: the transaction that derived its row, and whether it is placed in `sud`."""
        async with directory.database.read() as session:
            asked = "SELECT service_id, xmin::text, 'sud' = ANY (within) FROM service_search"
            return {key: (xmin, inside) for key, xmin, inside in await run(session, asked)}

    async def drawn(west: float) -> tuple[set[Any], set[Any]]:
        before = await rows()
        answer = await client.put(
            "/directory/v1/territories/sud/outline", json=outline(west), headers=admin
        )
        assert answer.status_code == 200, answer.text
        after = await rows()
        derived = {key for key, (xmin, _) in after.items() if before[key][0] != xmin}
        return derived, {key for key, (_, inside) in after.items() if inside}

    west, east = directory.id("service", "west"), directory.id("service", "east")
    assert await drawn(4.2) == ({west}, {west})
    assert await drawn(4.4) == ({west, east}, {east})
