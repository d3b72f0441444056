import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from services.campaigns.tests.office import API, ORIENTATION, Office

from maillage_common.clock import frozen_time
from maillage_common.webhooks import sign

REFERRAL = str(UUID(int=1))


def event(**data: Any) -> dict[str, Any]:
    at = data.pop("at", datetime.now(UTC)).isoformat()
    facts = {"referral_id": REFERRAL, "state": "completed", "person_answer": None, **data}
    return {"type": "referral.updated", "timestamp": at, "data": facts}


@pytest.fixture
def deliver(
    office: Office, environment: dict[str, str], as_service: Callable[..., dict[str, str]]
) -> Callable[..., Any]:
    async def send(payload: dict[str, Any], *, sender: str = "referrals", secret: str = "") -> Any:
        body = json.dumps(payload)
        secret = secret or environment["CAMPAIGNS_WEBHOOK_SECRET"]
        headers = {**as_service(sender), **sign(body, "msg", secret)}
        return await office.client.post(
            f"{API}/referral-events", headers=headers, content=body.encode()
        )

    return send


async def placed(office: Office) -> dict[str, Any]:
    lease = await office.lease(await office.calling(1))
    await office.attempt(lease, "complete", orientation=ORIENTATION)
    return lease


async def follow_ups(office: Office) -> list[dict[str, Any]]:
    answer = await office.client.get(f"{API}/callbacks", headers=office.counsellor())
    items: list[dict[str, Any]] = answer.json()["items"]
    return [orientation for item in items for orientation in item["orientations"]]


class TestReceiveReferralEvent:
    async def test_the_counsellor_sees_the_state_and_the_persons_answer(
        self, office: Office, deliver: Callable[..., Any]
    ) -> None:
        lease = await placed(office)
        assert (await deliver(event())).status_code == 202
        [found] = await follow_ups(office)
        assert (found["referral_state"], found["is_closed"]) == ("completed", False)
        later = datetime.now(UTC) + timedelta(seconds=1)
        await deliver(event(person_answer="yes", at=later))
        [found] = await follow_ups(office)
        assert (found["person_answer"], found["is_closed"]) == ("yes", True)
        read = await office.client.get(f"{API}/leases/{lease['id']}", headers=office.counsellor())
        assert read.json()["orientations"] == [found]

    async def test_an_older_event_changes_nothing(
        self, office: Office, deliver: Callable[..., Any]
    ) -> None:
        await placed(office)
        await deliver(event(state="accepted"))
        await deliver(event(state="requested", at=datetime.now(UTC) - timedelta(minutes=1)))
        assert (await follow_ups(office))[0]["referral_state"] == "accepted"

    async def test_an_unknown_referral_is_asked_for_again_while_young(
        self, deliver: Callable[..., Any]
    ) -> None:
        young = await deliver(event())
        assert (young.status_code, young.json()["code"]) == (409, "referral_not_known_yet")
        old = await deliver(event(at=datetime.now(UTC) - timedelta(minutes=2)))
        assert old.status_code == 202

    async def test_refuses_bad_signatures_and_strangers(
        self, office: Office, deliver: Callable[..., Any]
    ) -> None:
        forged = await deliver(event(), secret="whsec_" + "A" * 43 + "=")
        assert (forged.status_code, forged.json()["code"]) == (401, "invalid_webhook_signature")
        stranger = await deliver(event(), sender="campaigns")
        assert (stranger.status_code, stranger.json()["code"]) == (403, "forbidden")
        body = json.dumps(event())
        person = await office.client.post(
            f"{API}/referral-events", headers=office.counsellor(), content=body
        )
        assert person.status_code == 403

    async def test_refuses_an_old_signature(self, deliver: Callable[..., Any]) -> None:
        with frozen_time(datetime.now(UTC) - timedelta(minutes=6)):
            old = await deliver(event())
        assert old.status_code == 401

    async def test_refuses_what_is_no_event(self, deliver: Callable[..., Any]) -> None:
        answer = await deliver({**event(), "data": {"referral_id": "x"}})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
        assert {error["pointer"] for error in answer.json()["errors"]} == {
            "/data/referral_id",
            "/data/state",
        }
