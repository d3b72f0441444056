import pytest
from services.campaigns.tests.office import API, CAMPAIGN, Office

PARTICIPATION = {"caller_name": {"fr": "Votre mutualité"}, "ring_back_number": "+3225123456"}


class TestCreateCampaign:
    async def test_keeps_theme_opening_rules_and_dates(self, office: Office) -> None:
        answer = await office.client.post(
            f"{API}/campaigns", headers=office.coordinator(), json=CAMPAIGN
        )
        assert answer.status_code == 201
        found = await office.client.get(answer.headers["location"], headers=office.counsellor())
        assert found.json() == answer.json()
        assert found.headers["etag"] == answer.headers["etag"]

    async def test_a_replayed_key_creates_once(self, office: Office) -> None:
        headers = {**office.coordinator(), "Idempotency-Key": "one"}
        first = await office.client.post(f"{API}/campaigns", headers=headers, json=CAMPAIGN)
        again = await office.client.post(f"{API}/campaigns", headers=headers, json=CAMPAIGN)
        assert again.json() == first.json()
        changed = {**CAMPAIGN, "theme": "housing"}
        other = await office.client.post(f"{API}/campaigns", headers=headers, json=changed)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")

    @pytest.mark.parametrize(
        "change",
        [
            {"title": {"en": "Screening"}},
            {"title": {}},
            {"theme": "Cancer Screening"},
            {"ends_on": "2025-01-01"},
            {"starts_on": "31/12/2026"},
            {"rules": {"windows": []}},
            {"rules": {"windows": [{"days": ["XX"], "opens_at": "1", "closes_at": "2"}]}},
            {"rules": {"max_attempts": 0}},
            {"list_criterion": "no mammogram"},
        ],
    )
    async def test_refuses_what_is_no_campaign(
        self, office: Office, change: dict[str, object]
    ) -> None:
        answer = await office.client.post(
            f"{API}/campaigns", headers=office.coordinator(), json={**CAMPAIGN, **change}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")

    async def test_is_for_the_coordination_alone(self, office: Office) -> None:
        for headers, code in (
            (office.back_office(), "insufficient_scope"),
            (
                office.as_caller(scope="campaigns:manage campaigns:lists", tenant="mc"),
                "scopes_conflict",
            ),
        ):
            answer = await office.client.post(f"{API}/campaigns", headers=headers, json=CAMPAIGN)
            assert (answer.status_code, answer.json()["code"]) == (403, code)


class TestListCampaigns:
    async def test_pages_newest_first(self, office: Office) -> None:
        made = [await office.campaign() for _ in range(3)]
        url = f"{API}/campaigns?limit=2"
        first = (await office.client.get(url, headers=office.back_office())).json()
        cursor = first["next_cursor"]
        second = (
            await office.client.get(f"{url}&cursor={cursor}", headers=office.back_office())
        ).json()
        seen = [item["id"] for item in first["items"] + second["items"]]
        assert seen == made[::-1]
        assert second["next_cursor"] is None

    async def test_refuses_a_cursor_made_elsewhere(self, office: Office) -> None:
        answer = await office.client.get(
            f"{API}/campaigns?cursor=abc", headers=office.back_office()
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


class TestChangeCampaign:
    async def test_needs_the_version_one_has_read(self, office: Office) -> None:
        url = f"{API}/campaigns/{await office.campaign()}"
        headers = office.coordinator()
        blind = await office.client.patch(url, headers=headers, json={"theme": "housing"})
        assert blind.status_code == 428
        tag = (await office.client.get(url, headers=headers)).headers["etag"]
        fresh = {**headers, "If-Match": tag}
        done = await office.client.patch(url, headers=fresh, json={"theme": "housing"})
        assert done.json()["theme"] == "housing"
        stale = await office.client.patch(url, headers=fresh, json={"theme": "food"})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    async def test_refuses_an_end_before_the_start(self, office: Office) -> None:
        url = f"{API}/campaigns/{await office.campaign()}"
        headers = {**office.coordinator(), "If-Match": '"1"'}
        answer = await office.client.patch(url, headers=headers, json={"ends_on": "2020-01-01"})
        assert answer.json()["errors"][0]["pointer"] == "/ends_on"


class TestParticipation:
    async def test_is_ones_own_mutualitys(self, office: Office) -> None:
        url = f"{API}/campaigns/{await office.campaign()}/participation"
        made = await office.client.put(url, headers=office.back_office(), json=PARTICIPATION)
        assert made.status_code == 200
        own = await office.client.get(url, headers=office.counsellor())
        assert own.json()["ring_back_number"] == "+3225123456"
        other = await office.client.get(url, headers=office.counsellor("solidaris"))
        assert other.status_code == 404

    async def test_a_change_needs_the_version_one_has_read(self, office: Office) -> None:
        url = f"{API}/campaigns/{await office.campaign()}/participation"
        await office.client.put(url, headers=office.back_office(), json=PARTICIPATION)
        blind = await office.client.put(url, headers=office.back_office(), json=PARTICIPATION)
        assert blind.status_code == 428

    async def test_shows_in_the_lease(self, office: Office) -> None:
        campaign = await office.calling(1)
        url = f"{API}/campaigns/{campaign}/participation"
        headers = {**office.back_office(), "If-Match": '"1"'}
        await office.client.put(url, headers=headers, json=PARTICIPATION)
        lease = await office.lease(campaign)
        assert lease["ring_back_number"] == "+3225123456"
