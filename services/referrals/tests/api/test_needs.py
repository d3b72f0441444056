"""Only the directory's needs are taken for needs, by a copy of them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from services.referrals.tests.world import World, referral_body

from maillage_common import clock
from maillage_common.clock import frozen_time
from maillage_common.code_copies import COOLDOWN, KnownCodes
from maillage_referrals.errors import UnknownNeed


@pytest_asyncio.fixture
async def refresh(world: World, app: Any) -> AsyncIterator[Any]:
    """`await refresh()`: what the job does every few minutes."""
    known = KnownCodes(UnknownNeed, world.directory.list_needs, app.state.database)
    yield known.refresh


async def orient(world: World, *needs: str) -> httpx.Response:
    service = world.directory.add(uuid4())
    return await world.post("/referrals", world.worker(), referral_body(service, needs=needs))


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


class TestNeeds:
    async def test_refuses_what_the_directory_does_not_have_and_tells_what_is_near(
        self, world: World
    ) -> None:
        refused = await orient(world, "administration", "hausing")
        assert code_of(refused) == (422, "unknown_need")
        problem = refused.json()
        assert problem["errors"] == [
            {
                "pointer": "/needs/1",
                "code": "unknown_need",
                "detail": "Did you mean housing?",
                "suggestions": ["housing"],
            }
        ]
        assert problem["suggestions"] == ["housing"]
        by_name = await orient(world, "logement")
        assert by_name.json()["suggestions"] == ["housing"]

    async def test_keeps_and_tells_nothing_of_a_name_sent_as_a_need(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        sender = world.worker()
        body = referral_body(world.directory.add(uuid4()), needs=["jean-dupont-1974"])
        refused = await world.post("/referrals", sender, body)
        assert code_of(refused) == (422, "unknown_need")
        assert "dupont" not in refused.text
        told = [str(vars(record)) for record in caplog.records]
        assert not [line for line in told if "dupont" in line]
        assert (await world.get("/outbox", sender)).json()["items"] == []

    async def test_does_not_ask_for_what_it_knows(self, world: World, refresh: Any) -> None:
        await refresh()
        assert world.directory.asked == [None]
        assert (await orient(world, "housing", "food")).status_code == 201
        assert world.directory.asked == [None]

    async def test_takes_a_new_need_at_once(self, world: World, refresh: Any) -> None:
        await refresh()
        world.directory.needs["digital"] = {"fr": "Numérique"}
        assert (await orient(world, "digital")).status_code == 201

    async def test_does_not_ask_at_the_will_of_whoever_sends_nonsense(
        self, world: World, refresh: Any
    ) -> None:
        await refresh()
        with frozen_time(clock.now()):
            for number in range(3):
                assert code_of(await orient(world, f"nonsense-{number}")) == (422, "unknown_need")
        assert len(world.directory.asked) == 2
        # With the tag of what is held: nothing is sent twice.
        assert world.directory.asked[1] == " ".join(world.directory.needs)
        world.directory.needs["digital"] = {"fr": "Numérique"}
        with frozen_time(clock.now() + COOLDOWN + timedelta(seconds=1)):
            assert (await orient(world, "digital")).status_code == 201
        assert len(world.directory.asked) == 3

    async def test_no_longer_takes_a_withdrawn_need_and_shows_what_was_oriented_with_it(
        self, world: World, refresh: Any
    ) -> None:
        sender = world.worker()
        made = await world.refer(sender, world.directory.add(uuid4()), needs=["food"])
        del world.directory.needs["food"]
        await refresh()
        assert code_of(await orient(world, "food")) == (422, "unknown_need")
        shown = await world.get(f"/referrals/{made['id']}", sender)
        assert shown.json()["needs"] == ["food"]
        world.directory.needs["food"] = {"fr": "Aide alimentaire"}
        await refresh()
        assert (await orient(world, "food")).status_code == 201

    async def test_answers_503_when_there_never_was_a_copy_and_the_directory_is_down(
        self, world: World
    ) -> None:
        world.directory.is_down = True
        refused = await orient(world, "housing")
        assert code_of(refused) == (503, "peer_unavailable")
        assert refused.headers["retry-after"] == str(int(COOLDOWN.total_seconds()))

    async def test_still_knows_nonsense_by_an_old_copy_while_the_directory_is_down(
        self, world: World, refresh: Any
    ) -> None:
        await refresh()
        world.directory.is_down = True
        with frozen_time(clock.now() + timedelta(days=400)):
            assert code_of(await orient(world, "hausing")) == (422, "unknown_need")

    async def test_gives_the_first_answer_again_after_its_need_was_withdrawn(
        self, world: World, refresh: Any
    ) -> None:
        sender, key = world.worker(), {"Idempotency-Key": "orientation-1"}
        body = referral_body(world.directory.add(uuid4()), needs=["food"])
        first = await world.post("/referrals", sender, body, **key)
        del world.directory.needs["food"]
        await refresh()
        again = await world.post("/referrals", sender, body, **key)
        assert (again.status_code, again.json()) == (201, first.json())
