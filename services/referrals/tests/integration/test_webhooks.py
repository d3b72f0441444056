"""`referral.updated`: to the service a referral came through, ids and codes alone."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from services.referrals.tests.world import API, World, referral_body


@pytest.fixture
def environment(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    hook = (
        '[{"url": "http://127.0.0.1:9/campaigns/v1/referral-events", "audience": "campaigns",'
        ' "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "events": ["referral.updated"]}]'
    )
    monkeypatch.setenv("REFERRALS_WEBHOOKS", hook)
    return {**environment, "REFERRALS_WEBHOOKS": hook}


async def _payloads(database: Any) -> list[dict[str, Any]]:
    url = database.app_url.replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await connection.execute("SELECT payload FROM webhook_delivery ORDER BY id")
        return [row[0] for row in await rows.fetchall()]


class TestReferralUpdated:
    async def test_tells_state_and_answer_and_nothing_about_the_person(
        self, world: World, as_service: Callable[..., dict[str, str]], database: Any
    ) -> None:
        receiver = world.worker("social_worker")
        body = referral_body(world.directory.add(receiver.organization))
        body["sender"] = {"organization": str(uuid4())}
        headers = as_service("campaigns", scope="referrals:write")
        made = (await world.client.post(f"{API}/referrals", json=body, headers=headers)).json()
        await world.move(receiver, made["id"], "accepted")
        person = await world.open_card(made["card"])
        path = f"/referrals/{made['id']}/answer"
        await world.post(path, person, {"person_answer": "partly"})
        events = await _payloads(database)
        assert {event["type"] for event in events} == {"referral.updated"}
        assert [event["data"] for event in events] == [
            {"referral_id": made["id"], "state": "requested", "person_answer": None},
            {"referral_id": made["id"], "state": "accepted", "person_answer": None},
            {"referral_id": made["id"], "state": "accepted", "person_answer": "partly"},
        ]

    async def test_says_nothing_of_referrals_that_came_another_way(
        self, world: World, database: Any
    ) -> None:
        await world.refer(world.worker(), world.directory.add(uuid4()))
        assert await _payloads(database) == []
