import pytest
from services.campaigns.tests.lists import nth_number, nth_phone
from services.campaigns.tests.office import API, Office


class TestObjectToCalls:
    async def test_stops_the_lease_at_once_and_is_held_once(self, office: Office) -> None:
        campaign = await office.calling(1)
        body = {"scope": "all", "national_number": nth_number(0)}
        first = await office.client.post(
            f"{API}/objections", headers=office.back_office(), json=body
        )
        again = await office.client.post(
            f"{API}/objections", headers=office.counsellor(), json=body
        )
        assert first.status_code == 201
        assert again.json()["id"] == first.json()["id"]
        nobody = await office.ask_lease(campaign)
        assert nobody.json()["reasons"] == [{"reason": "objection", "count": 1}]

    async def test_concerns_the_campaign_or_theme_it_names(self, office: Office) -> None:
        first = await office.calling(1)
        second = await office.campaign(theme="housing")
        for concerned in (
            {"scope": "theme", "theme": "housing"},
            {"scope": "campaign", "campaign_id": second},
        ):
            held = await office.client.post(
                f"{API}/objections",
                headers=office.back_office(),
                json={**concerned, "phone": nth_phone(0)},
            )
            assert held.status_code == 201
        lease = await office.lease(first)
        assert lease["campaign_id"] == first

    async def test_names_the_theme_of_a_campaign_that_exists(self, office: Office) -> None:
        await office.campaign(theme="cancer-screening")
        for theme, near in (("jean-dupont-1974", []), ("cancer-screning", ["cancer-screening"])):
            refused = await office.client.post(
                f"{API}/objections",
                headers=office.back_office(),
                json={"scope": "theme", "theme": theme, "phone": nth_phone(0)},
            )
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (422, "unknown_theme")
            assert problem["errors"][0]["pointer"] == "/theme"
            assert problem["suggestions"] == near
            assert theme not in refused.text

    async def test_ends_on_the_persons_word(self, office: Office) -> None:
        campaign = await office.calling(1)
        made = await office.client.post(
            f"{API}/objections",
            headers=office.back_office(),
            json={"scope": "all", "phone": nth_phone(0)},
        )
        url = f"{API}/objections/{made.json()['id']}/withdrawal"
        other = await office.client.post(
            url, headers=office.back_office("lm"), json={"asked_by_person": True}
        )
        assert other.status_code == 404
        unasked = await office.client.post(
            url, headers=office.back_office(), json={"asked_by_person": False}
        )
        assert unasked.status_code == 422
        for _ in range(2):
            ended = await office.client.post(
                url, headers=office.back_office(), json={"asked_by_person": True}
            )
            assert ended.json()["withdrawn_at"] is not None
        await office.lease(campaign)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"scope": "all"}, "validation_failed"),
            ({"scope": "all", "phone": "1", "external_id": "2"}, "validation_failed"),
            ({"scope": "theme", "phone": "0470 12 34 56"}, "validation_failed"),
            ({"scope": "everything", "phone": "0470 12 34 56"}, "validation_failed"),
            ({"scope": "all", "phone": "12"}, "invalid_identifier"),
            ({"scope": "all", "national_number": "12345678901"}, "invalid_identifier"),
        ],
    )
    async def test_refuses_what_names_nobody(
        self, office: Office, body: dict[str, str], code: str
    ) -> None:
        answer = await office.client.post(
            f"{API}/objections", headers=office.back_office(), json=body
        )
        assert (answer.status_code, answer.json()["code"]) == (422, code)
