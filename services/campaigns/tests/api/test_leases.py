from datetime import UTC, datetime, timedelta

import pytest
from services.campaigns.tests.lists import HEADER, csv_bytes, person_row
from services.campaigns.tests.office import API, Office

from maillage_common.clock import frozen_time


class TestLeaseNextPerson:
    async def test_gives_the_person_the_opening_and_a_fencing_token(self, office: Office) -> None:
        campaign = await office.calling(1)
        lease = await office.lease(campaign)
        assert lease["person"]["last_name"] == "Dupönt-0"
        assert lease["person"]["phones"][0]["number"] == "+32470000000"
        assert lease["opening"].startswith("Bonjour")
        assert lease["fencing_token"] == 1
        assert lease["is_live"]

    async def test_follows_priority(self, office: Office) -> None:
        campaign = await office.campaign()
        rows = [(*person_row(n), str(n)) for n in range(3)]
        await office.approved(campaign, rows, header=(*HEADER, "Priorité"))
        order = [(await office.lease(campaign))["person"]["last_name"] for _ in rows]
        assert order == ["Dupönt-2", "Dupönt-1", "Dupönt-0"]

    async def test_speaks_the_persons_language_and_remembers_the_counsellors(
        self, office: Office
    ) -> None:
        campaign = await office.campaign()
        await office.approved(
            campaign, [person_row(1, language="turc"), person_row(2, language="arabe")]
        )
        nobody = await office.ask_lease(campaign)
        assert nobody.json()["reasons"] == [{"reason": "language", "count": 2}]
        lease = await office.lease(campaign, languages=["tr"])
        assert lease["person"]["languages"] == ["tr"]
        assert (await office.ask_lease(campaign)).status_code == 200

    async def test_an_interpreter_bridges_languages(self, office: Office) -> None:
        campaign = await office.campaign()
        row = (*person_row(1, language="somali"), "oui")
        await office.approved(campaign, [row], header=(*HEADER, "Interprète"))
        assert (await office.ask_lease(campaign)).status_code == 200
        await office.lease(campaign, with_interpreter=True)

    async def test_says_why_nobody_is_left_and_when_that_changes(self, office: Office) -> None:
        campaign = await office.calling(3)
        await office.lease(campaign)
        called = await office.lease(campaign)
        await office.attempt(called, "no_answer")
        closed = await office.lease(campaign)
        await office.attempt(closed, "complete")
        answer = await office.ask_lease(campaign)
        assert answer.status_code == 200
        reasons = {item["reason"]: item["count"] for item in answer.json()["reasons"]}
        assert reasons == {"leased": 1, "not_due": 1, "closed": 1}
        assert answer.json()["next_due_at"] is not None

    async def test_nobody_is_called_outside_the_windows(self, office: Office) -> None:
        rules = {"windows": [{"days": ["MO"], "opens_at": "09:00", "closes_at": "12:00"}]}
        with frozen_time(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)):
            campaign = await office.calling(1, rules=rules)
            answer = await office.ask_lease(campaign)
        assert answer.json()["reasons"] == [{"reason": "outside_calling_hours", "count": 1}]
        assert answer.json()["next_due_at"] == "2026-11-30T08:00:00Z"

    async def test_respects_preferred_hours(self, office: Office) -> None:
        campaign = await office.campaign()
        await office.approved(
            campaign, [(*person_row(1), "9h-10h")], header=(*HEADER, "Heures préférées")
        )
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        with frozen_time(datetime(tomorrow.year, tomorrow.month, tomorrow.day, 12, 0, tzinfo=UTC)):
            answer = await office.ask_lease(campaign)
        assert answer.json()["reasons"] == [{"reason": "preferred_hours", "count": 1}]

    async def test_a_person_is_leased_once_over_all_campaigns(self, office: Office) -> None:
        first, second = await office.calling(1), await office.campaign()
        await office.approved(second, [person_row(0)])
        await office.lease(first)
        answer = await office.ask_lease(second)
        assert answer.json()["reasons"] == [{"reason": "leased", "count": 1}]

    async def test_an_expired_lease_frees_the_person_with_a_newer_token(
        self, office: Office
    ) -> None:
        campaign = await office.calling(1)
        first = await office.lease(campaign)
        with frozen_time(datetime.now(UTC) + timedelta(minutes=21)):
            second = await office.lease(campaign, office.counsellor(name="other"))
        assert second["fencing_token"] > first["fencing_token"]

    async def test_own_callbacks_come_before_anything_else(self, office: Office) -> None:
        campaign = await office.campaign()
        rows = [(*person_row(1), "0"), (*person_row(2), "9")]
        await office.approved(campaign, rows, header=(*HEADER, "Priorité"))
        important = await office.lease(campaign)
        promised = await office.lease(campaign)
        callback_at = datetime.now(UTC) + timedelta(minutes=2)
        await office.attempt(promised, "call_back", callback_at=callback_at.isoformat())
        await office.client.post(
            f"{API}/leases/{important['id']}/release",
            headers=office.counsellor(),
            json={"fencing_token": important["fencing_token"]},
        )
        with frozen_time(datetime.now(UTC) + timedelta(minutes=5)):
            lease = await office.lease(campaign)
        assert lease["person"]["last_name"] == promised["person"]["last_name"]
        assert lease["previous_attempts"][0]["result"] == "call_back"

    async def test_the_first_and_the_last_day_are_days_in_brussels(self, office: Office) -> None:
        with frozen_time(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)):
            await office.lease(await office.calling(1, starts_on="2026-11-25"))
            over = await office.campaign(ends_on="2026-11-24")
            answer = await office.ask_lease(over)
            assert (answer.status_code, answer.json()["code"]) == (409, "campaign_closed")
            pushed = await office.push(over, csv_bytes([person_row(1)]))
            assert (pushed.status_code, pushed.json()["code"]) == (409, "campaign_closed")

    async def test_refuses_campaigns_that_have_not_begun(self, office: Office) -> None:
        campaign = await office.campaign(starts_on="2098-01-01")
        answer = await office.ask_lease(campaign)
        assert (answer.status_code, answer.json()["code"]) == (409, "campaign_closed")

    @pytest.mark.parametrize(
        ("scope", "sub", "code"),
        [
            ("campaigns:lists", "person", "insufficient_scope"),
            ("campaigns:call", "app", "individual_required"),
        ],
    )
    async def test_is_for_counsellors_in_person(
        self, office: Office, scope: str, sub: str, code: str
    ) -> None:
        campaign = await office.campaign()
        caller = office.as_caller(sub=sub, client_id="app", scope=scope, tenant="mc")
        answer = await office.ask_lease(campaign, caller)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


class TestExtendLease:
    async def test_lasts_as_long_again_but_not_for_ever(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        url = f"{API}/leases/{lease['id']}/extension"
        body = {"fencing_token": lease["fencing_token"]}
        began = datetime.now(UTC)
        with frozen_time(began + timedelta(minutes=15)):
            answer = await office.client.post(url, headers=office.counsellor(), json=body)
        assert answer.json()["expires_at"] > lease["expires_at"]
        with frozen_time(began + timedelta(hours=3)):
            answer = await office.client.post(url, headers=office.counsellor(), json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "lease_limit")


class TestReleaseLease:
    async def test_gives_the_person_back_and_can_be_said_twice(self, office: Office) -> None:
        campaign = await office.calling(1)
        lease = await office.lease(campaign)
        url = f"{API}/leases/{lease['id']}/release"
        body = {"fencing_token": lease["fencing_token"]}
        for _ in range(2):
            answer = await office.client.post(url, headers=office.counsellor(), json=body)
            assert answer.status_code == 200
        await office.lease(campaign, office.counsellor(name="other"))
        wrong = await office.client.post(
            url, headers=office.counsellor(), json={"fencing_token": 99}
        )
        assert wrong.json()["code"] == "stale_fencing_token"


class TestReadLease:
    async def test_shows_ones_own_while_it_lives_and_nothing_after(self, office: Office) -> None:
        lease = await office.lease(await office.calling(1))
        url = f"{API}/leases/{lease['id']}"
        own = await office.client.get(url, headers=office.counsellor())
        assert own.json()["person"] == lease["person"]
        colleague = await office.client.get(url, headers=office.counsellor(name="other"))
        stranger = await office.client.get(url, headers=office.counsellor("solidaris"))
        assert colleague.status_code == stranger.status_code == 404
        await office.attempt(lease, "complete")
        assert (await office.client.get(url, headers=office.counsellor())).status_code == 404
