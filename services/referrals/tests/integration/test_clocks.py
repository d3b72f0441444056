"""What the clock ends, and what a job asks again later."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from services.referrals.tests.world import World, pointer_body

from maillage_common import clock
from maillage_common.clock import frozen_time
from maillage_common.database import Database
from maillage_local.neighbours import neighbour_answering
from maillage_referrals import jobs
from maillage_referrals.settings import Settings

Run = Callable[[Callable[[], Awaitable[None]], int], Awaitable[None]]


@pytest_asyncio.fixture
async def after_days(environment: dict[str, str]) -> Any:
    """`await after_days(jobs.expire_consents, 40)`: the task as the worker runs it, that day."""
    settings = Settings()
    jobs.queue.settings = settings
    jobs.queue.database = Database(settings.database_url, pool_size=2)

    async def run(task: Callable[[], Awaitable[None]], days: int) -> None:
        with frozen_time(clock.now() + timedelta(days=days)):
            await task()

    yield run
    await jobs.queue.database.close()


class TestExpireConsents:
    async def test_writes_down_the_end_and_ends_what_rests_on_it(
        self, world: World, after_days: Run
    ) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        made = await world.refer(sender, world.directory.add(receiver.organization))
        person = await world.open_card(made["card"])
        await after_days(jobs.expire_consents, 10)
        path = f"/consents/{made['consent_id']}"
        assert (await world.get(path, person)).json()["status"] == "active"
        for _ in range(2):
            await after_days(jobs.expire_consents, 370)
        assert (await world.get(path, person)).json()["status"] == "expired"
        referral = (await world.get(f"/referrals/{made['id']}", sender)).json()
        assert (referral["status"], referral["version"]) == ("expired", 2)
        assert referral["closed_at"] is None
        seen = (await world.get(f"/referrals/{made['id']}", receiver)).json()
        assert seen["status"] == "closed"


class TestExpireCareLinks:
    async def test_says_that_the_clock_ended_it(self, world: World, after_days: Run) -> None:
        worker, person = world.worker(), await world.person()
        await world.care_link(worker, person)
        await after_days(jobs.expire_care_links, 100)
        links = (await world.get(f"/subjects/{person.handle}/care-links", person)).json()["items"]
        assert [link["ended_by"] for link in links] == ["clock"]


class TestExpireReferrals:
    async def test_ends_what_nobody_finished_and_the_sender_still_owes_an_answer(
        self, world: World, after_days: Run
    ) -> None:
        sender, receiver = world.worker(), world.worker("social_worker")
        made = await world.refer(sender, world.directory.add(receiver.organization))
        await after_days(jobs.expire_referrals, 181)
        outbox = (await world.get("/outbox", sender)).json()["items"]
        assert [(item["id"], item["status"]) for item in outbox] == [(made["id"], "expired")]
        answered = await world.post(
            f"/referrals/{made['id']}/answer", sender, {"person_answer": "no"}
        )
        assert answered.json()["closed_at"] is not None


class TestCheckPointerNeeds:
    async def test_keeps_an_entry_closed_until_the_directory_told_its_needs(
        self, world: World, after_days: Run
    ) -> None:
        writer, reader = world.worker("social_worker"), world.worker("raq")
        person = await world.person()
        await world.oral_consent(writer, person)
        service = world.directory.add(writer.organization, needs=("housing",))
        world.directory.is_down = True
        body = pointer_body(await world.handle(writer, person), service_id=str(service))
        pointer = (await world.post("/pointers", writer, body)).json()
        await world.consent(person, reader.organization)
        await world.care_link(reader, person)
        handle = await world.handle(reader, person)
        assert await world.found(reader, handle) == set()
        world.directory.is_down = False
        await jobs.narrow_pointer(world.directory, UUID(pointer["id"]))
        assert await world.found(reader, handle) == {pointer["id"]}


class TestCopyNeeds:
    async def test_keeps_what_the_directory_tells_and_survives_its_absence(
        self, world: World, after_days: Run
    ) -> None:
        # Nobody listens where the tests' directory would be.
        await after_days(jobs.copy_needs, 0)
        need = {"code": "gardening", "name": {"fr": "Jardinage"}}
        async with neighbour_answering({"items": [need]}) as address:
            jobs.queue.settings = jobs.settings().model_copy(update={"directory_url": address})
            await after_days(jobs.copy_needs, 0)
        world.directory.needs.clear()
        await world.refer(world.worker(), world.directory.add(uuid4()), needs=["gardening"])
