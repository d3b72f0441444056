from typing import Any

from services.campaigns.tests.lists import person_row
from services.campaigns.tests.office import API, ORIENTATION, Office


async def publish(office: Office, campaign: str, **more: Any) -> dict[str, Any]:
    answer = await office.client.post(
        f"{API}/tables",
        headers=office.coordinator(),
        json={"campaign_id": campaign, **more},
    )
    assert answer.status_code == 202, answer.text
    await office.run_jobs()
    found = await office.client.get(
        f"{API}/tables/{answer.json()['id']}", headers=office.coordinator()
    )
    report: dict[str, Any] = found.json()
    return report


def cells(report: dict[str, Any], table: str) -> dict[tuple[str, str], int | None]:
    return {
        (cell["row"], cell["column"]): cell["count"]
        for item in report["tables"]
        if item["name"] == table
        for cell in item["cells"]
    }


class TestPublishTables:
    async def test_sums_over_mutualities_and_hides_small_cells(self, office: Office) -> None:
        campaign = await office.campaign()
        for tenant, people in (("mc", range(4)), ("solidaris", range(10, 13))):
            rows = [person_row(n) for n in people]
            await office.approved(campaign, rows, tenant=tenant)
            caller = office.counsellor(tenant)
            for _ in people:
                lease = await office.lease(campaign, caller)
                await office.attempt(lease, "complete", caller, needs=["housing"])
        report = await publish(office, campaign)
        assert cells(report, "needs") == {
            ("21012", "housing"): 7,
            ("21012", "total"): 7,
            ("total", "housing"): 7,
            ("total", "total"): 7,
        }
        rates = {rate["name"]: rate for rate in report["rates"]}
        assert (rates["RR1"]["numerator"], rates["RR1"]["denominator"]) == (1, 1)
        strict = await publish(office, campaign, threshold=10)
        assert strict["tables"] == []

    async def test_small_cells_are_shown_as_suppressed(self, office: Office) -> None:
        campaign = await office.calling(2)
        await office.attempt(
            await office.lease(campaign),
            "complete",
            obstacles=[{"code": "cost"}],
            orientation=ORIENTATION,
        )
        report = await publish(office, campaign)
        for table in ("listed", "dispositions", "obstacles", "orientations"):
            assert set(cells(report, table).values()) <= {None, 0}
        assert all(
            cell["is_suppressed"] for cell in report["tables"][0]["cells"] if cell["count"] != 0
        )
        assert all(rate["is_suppressed"] or rate["value"] is None for rate in report["rates"])

    async def test_what_is_published_is_frozen_and_periods_do_not_overlap(
        self, office: Office
    ) -> None:
        campaign = await office.calling(6)
        first = await publish(office, campaign)
        for _ in range(6):
            await office.attempt(await office.lease(campaign), "no_answer")
        second = await publish(office, campaign)
        again = await office.client.get(
            f"{API}/tables/{first['publication']['id']}", headers=office.coordinator()
        )
        assert again.json() == first
        assert cells(first, "listed")["total", "not_called"] == 6
        assert cells(second, "listed") == {}
        assert cells(second, "dispositions")["total", "UH"] == 6
        assert second["publication"]["from_at"] == first["publication"]["until_at"]

    async def test_nothing_of_a_mutualitys_own_counts_is_left(
        self, office: Office, app: Any
    ) -> None:
        campaign = await office.calling(6)
        await publish(office, campaign)
        async with app.state.database.read() as session:
            from sqlmodel import select

            from maillage_campaigns.models import Contribution

            assert (await session.exec(select(Contribution))).all() == []

    async def test_the_threshold_can_only_be_raised(self, office: Office) -> None:
        report = await publish(office, await office.calling(1), threshold=2)
        assert report["publication"]["threshold"] == 5


class TestReadReport:
    async def test_gives_the_latest_publication(self, office: Office) -> None:
        campaign = await office.calling(6)
        url = f"{API}/campaigns/{campaign}/report"
        missing = await office.client.get(url, headers=office.coordinator())
        assert missing.status_code == 404
        published = await publish(office, campaign)
        found = await office.client.get(url, headers=office.coordinator())
        assert found.json() == published
        listed = await office.client.get(
            f"{API}/tables?campaign_id={campaign}", headers=office.coordinator()
        )
        assert [item["id"] for item in listed.json()["items"]] == [published["publication"]["id"]]


class TestReadProgress:
    async def test_counts_cases_by_how_far_the_calling_is(self, office: Office) -> None:
        campaign = await office.calling(3)
        await office.attempt(await office.lease(campaign), "complete")
        await office.attempt(await office.lease(campaign), "no_answer")
        answer = await office.client.get(
            f"{API}/campaigns/{campaign}/progress", headers=office.back_office()
        )
        found = answer.json()
        assert found.pop("never_called_since") is not None
        assert found == {"cases": 3, "untried": 1, "in_progress": 1, "closed": 1, "attempts": 2}
