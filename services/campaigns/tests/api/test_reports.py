from typing import Any

from services.campaigns.tests.lists import person_row
from services.campaigns.tests.office import ALWAYS, API, ORIENTATION, Office

from maillage_campaigns.reports.contributing import TABLES


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


def tells_nothing(report: dict[str, Any], table: str) -> bool:
    """As the table of a period in which nothing happened."""
    columns = ("other", "total") if table in ("listed", "dispositions") else ("other",)
    return cells(report, table) == {
        (row, column): None for row in ("other", "total") for column in columns
    }


class TestPublishTables:
    async def test_sums_over_mutualities(self, office: Office) -> None:
        campaign = await office.campaign()
        for tenant, people in (("mc", range(6)), ("solidaris", range(10, 16))):
            rows = [person_row(n) for n in people]
            await office.approved(campaign, rows, tenant=tenant)
            caller = office.counsellor(tenant)
            for _ in people:
                lease = await office.lease(campaign, caller)
                await office.attempt(lease, "complete", caller, needs=["housing"])
        report = await publish(office, campaign)
        assert cells(report, "needs") == {
            ("21012", "housing"): None,
            ("21012", "other"): None,
            ("other", "housing"): None,
            ("other", "other"): None,
            ("total", "housing"): 12,
            ("total", "other"): None,
        }

    async def test_a_person_called_many_times_counts_once(self, office: Office) -> None:
        rules = {**ALWAYS, "max_attempts": 9, "delays": {"language_barrier": 0}}
        campaign = await office.calling(1, rules=rules)
        for _ in range(9):
            lease = await office.lease(campaign)
            answer = await office.attempt(
                lease,
                "language_barrier",
                needs=["housing"],
                obstacles=[{"code": "cost"}],
                orientation=ORIENTATION,
            )
            assert answer.status_code == 201, answer.text
        report = await publish(office, campaign)
        assert all(tells_nothing(report, table) for table in TABLES)

    async def test_nothing_is_told_of_fewer_people_than_the_threshold(self, office: Office) -> None:
        campaign = await office.calling(4)
        for _ in range(4):
            await office.attempt(
                await office.lease(campaign),
                "complete",
                obstacles=[{"code": "cost"}],
                orientation=ORIENTATION,
            )
        some = await publish(office, campaign)
        none = await publish(office, campaign)
        assert some["tables"] == none["tables"]
        assert some["rates"] == none["rates"]
        assert {table["name"] for table in some["tables"]} == set(TABLES)
        for table in some["tables"]:
            assert all(cell["is_suppressed"] for cell in table["cells"])
            assert tells_nothing(some, table["name"])
        assert all(rate["is_suppressed"] and rate["value"] is None for rate in some["rates"])

    async def test_what_is_published_is_frozen_and_periods_do_not_overlap(
        self, office: Office
    ) -> None:
        campaign = await office.calling(12)
        first = await publish(office, campaign)
        for _ in range(12):
            await office.attempt(await office.lease(campaign), "no_answer")
        second = await publish(office, campaign)
        again = await office.client.get(
            f"{API}/tables/{first['publication']['id']}", headers=office.coordinator()
        )
        assert again.json() == first
        assert cells(first, "listed")["total", "total"] == 12
        assert tells_nothing(second, "listed")
        assert cells(second, "dispositions")["total", "total"] == 12
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
