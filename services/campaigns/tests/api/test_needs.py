"""Only the directory's needs are taken for needs, by a copy of them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from services.campaigns.tests.api.test_reports import cells, publish
from services.campaigns.tests.office import API, ORIENTATION, Office, attempt_body
from sqlalchemy import text
from sqlmodel import select

from maillage_campaigns.errors import UnknownNeed
from maillage_campaigns.models import LateResult
from maillage_common import clock
from maillage_common.clock import frozen_time
from maillage_common.code_copies import COOLDOWN, KnownCodes


@pytest.fixture
def refresh(office: Office, app: Any) -> Any:
    """`await refresh()`: what the job does every few minutes."""
    return KnownCodes(UnknownNeed, office.directory.list_needs, app.state.database).refresh


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


class TestNeeds:
    @pytest.mark.parametrize(
        ("given", "pointer"),
        [
            ({"needs": ["food", "hausing"]}, "/needs/1"),
            ({"information_given": ["hausing"]}, "/information_given/0"),
            (
                {"obstacles": [{"code": "cost"}, {"code": "cost", "need": "hausing"}]},
                "/obstacles/1/need",
            ),
            ({"orientation": {**ORIENTATION, "needs": ["hausing"]}}, "/orientation/needs/0"),
        ],
    )
    async def test_refuses_what_the_directory_does_not_have_and_the_call_can_be_told_again(
        self, office: Office, given: dict[str, Any], pointer: str
    ) -> None:
        lease = await office.lease(await office.calling(1))
        refused = await office.attempt(lease, **given)
        assert code_of(refused) == (422, "unknown_need")
        assert refused.json()["errors"] == [
            {
                "pointer": pointer,
                "code": "unknown_need",
                "detail": "Did you mean housing?",
                "suggestions": ["housing"],
            }
        ]
        assert refused.json()["suggestions"] == ["housing"]
        assert office.referrals.asked == []
        assert (await office.attempt(lease, needs=["housing"])).status_code == 201

    async def test_keeps_and_tells_nothing_of_a_name_sent_as_a_need(
        self, office: Office, app: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        campaign = await office.calling(1)
        late = await office.lease(campaign)
        with frozen_time(clock.now() + timedelta(minutes=21)):
            await office.lease(campaign, office.counsellor(name="other"))
            refused = await office.attempt(late, needs=["jean-dupont-1974"])
        assert code_of(refused) == (422, "unknown_need")
        assert "dupont" not in refused.text
        told = [str(vars(record)) for record in caplog.records]
        assert not [line for line in told if "dupont" in line]
        async with app.state.database.write(system="clock", tenant="mc") as session:
            assert (await session.exec(select(LateResult))).all() == []

    async def test_does_not_ask_at_the_will_of_whoever_sends_nonsense_and_keeps_what_it_was_told(
        self, office: Office
    ) -> None:
        lease = await office.lease(await office.calling(1))
        with frozen_time(clock.now()):
            for number in range(3):
                refused = await office.attempt(lease, needs=[f"nonsense-{number}"])
                assert code_of(refused) == (422, "unknown_need")
        assert office.directory.asked == [None]
        told = " ".join(office.directory.needs)
        office.directory.needs["digital"] = {"fr": "Numérique"}
        with frozen_time(clock.now() + COOLDOWN + timedelta(seconds=1)):
            assert (await office.attempt(lease, needs=["digital"])).status_code == 201
        assert office.directory.asked == [None, told]

    async def test_without_a_copy_and_the_directory_takes_a_result_that_names_none(
        self, office: Office
    ) -> None:
        office.directory.is_down = True
        lease = await office.lease(await office.calling(1))
        refused = await office.attempt(lease, needs=["housing"])
        assert code_of(refused) == (503, "peer_unavailable")
        assert (await office.attempt(lease, "no_answer")).status_code == 201

    async def test_by_an_old_copy_takes_results_while_the_directory_is_down(
        self, office: Office, refresh: Any
    ) -> None:
        await refresh()
        office.directory.is_down = True
        lease = await office.lease(await office.calling(1))
        assert code_of(await office.attempt(lease, needs=["hausing"])) == (422, "unknown_need")
        assert (await office.attempt(lease, needs=["housing"])).status_code == 201

    async def test_gives_the_first_answer_again_after_its_need_was_withdrawn(
        self, office: Office, refresh: Any
    ) -> None:
        lease = await office.lease(await office.calling(1))
        body = attempt_body(lease, needs=["food"])
        url = f"{API}/leases/{lease['id']}/attempts"
        first = await office.client.post(url, headers=office.counsellor(), json=body)
        assert first.status_code == 201
        del office.directory.needs["food"]
        await refresh()
        again = await office.client.post(url, headers=office.counsellor(), json=body)
        assert (again.status_code, again.json()) == (201, first.json())


class TestPublishedNeeds:
    async def test_have_a_column_of_a_withdrawn_need_and_none_of_any_other_word(
        self, office: Office, app: Any, refresh: Any
    ) -> None:
        campaign = await office.calling(18)
        for number in range(18):
            lease = await office.lease(campaign)
            await office.attempt(lease, needs=["food" if number < 9 else "housing"])
        async with app.state.database.write(system="clock", tenant="mc") as session:
            connection = await session.connection()
            older = text("UPDATE attempt SET needs = '{jean-dupont}' WHERE needs = '{housing}'")
            await connection.execute(older)
        del office.directory.needs["food"]
        await refresh()
        found = cells(await publish(office, campaign), "needs")
        assert {column for _, column in found} == {"food", "unknown", "other"}
        assert (found["total", "food"], found["total", "unknown"]) == (9, 9)
