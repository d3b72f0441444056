"""Capacity reports: one service, many at once, and what time does to them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maillage_common.clock import frozen_time

BULK = "/directory/v1/capacity-reports"
NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


@pytest.fixture
async def path(directory: Any) -> Any:
    await directory.has(
        directory.service("desk"),
        directory.organization("other"),
        directory.service("theirs", of="other"),
    )
    return f"/directory/v1/services/{directory.id('service', 'desk')}"


class TestReportCapacity:
    async def test_counts_until_its_end_and_is_unknown_after(
        self, path: Any, client: Any, editor: Any, as_anonymous: Any, as_caller: Any
    ) -> None:
        with frozen_time(NOW):
            answer = await client.post(
                f"{path}/capacity-reports",
                json={"status": "waitlist", "waiting_days": 30},
                headers=editor(),
            )
            assert answer.status_code == 201
            read = await client.get(path, headers=as_anonymous())
            assert read.json()["capacity"]["status"] == "waitlist"
        with frozen_time(NOW + timedelta(days=15)):
            read = await client.get(path, headers=as_anonymous())
            assert read.json()["capacity"]["status"] == "unknown"
            assert read.json()["capacity"]["last_known"]["waiting_days"] == 30

    async def test_says_who_told_it_while_it_holds_and_after(
        self, path: Any, client: Any, editor: Any, professional: Any, as_anonymous: Any
    ) -> None:
        reports = f"{path}/capacity-reports"
        told = {"confidence": "relayed", "source": "cpas-1080"}
        with frozen_time(NOW):
            made = await client.post(reports, json={"status": "waitlist", **told}, headers=editor())
            read = (await client.get(path, headers=as_anonymous())).json()["capacity"]
        with frozen_time(NOW + timedelta(days=15)):
            later = (await client.get(path, headers=as_anonymous())).json()["capacity"]
        (listed,) = (await client.get(reports, headers=professional)).json()["items"]
        for report in (made.json(), listed, read, later["last_known"]):
            assert {name: report[name] for name in told} == told

    async def test_the_latest_observation_counts_however_late_others_arrive(
        self, path: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        for hours, status in ((1, "capacity"), (5, "no_capacity")):
            observed = datetime.now(UTC) - timedelta(hours=hours)
            await client.post(
                f"{path}/capacity-reports",
                json={"status": status, "observed_at": observed.isoformat()},
                headers=editor(),
            )
        read = await client.get(path, headers=as_anonymous())
        assert read.json()["capacity"]["status"] == "capacity"

    async def test_keeps_the_history_newest_first(
        self, path: Any, client: Any, editor: Any, professional: Any
    ) -> None:
        for days in range(5):
            observed = datetime.now(UTC) - timedelta(days=days)
            await client.post(
                f"{path}/capacity-reports",
                json={"status": "capacity", "places": days, "observed_at": observed.isoformat()},
                headers=editor(),
            )
        places, cursor = [], ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = await client.get(f"{path}/capacity-reports?limit=2{more}", headers=professional)
            places += [item["places"] for item in page.json()["items"]]
            cursor = page.json()["next_cursor"]
        assert places == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            ({"status": "full"}, "enum"),
            ({"status": "capacity", "observed_at": "2126-01-01T00:00:00Z"}, "in_the_future"),
            ({"status": "capacity", "valid_until": "2020-01-01T00:00:00Z"}, "dates_out_of_order"),
            ({"status": "capacity", "observed_at": "2026-01-01T00:00:00"}, "timezone_aware"),
            ({"status": "capacity", "places": -1}, "greater_than_equal"),
            ({"status": "no_capacity", "places": 2}, "places_without_capacity"),
            ({"status": "capacity", "mood": "good"}, "extra_forbidden"),
        ],
    )
    async def test_refuses_what_cannot_be(
        self, path: Any, client: Any, editor: Any, payload: Any, code: Any
    ) -> None:
        answer = await client.post(f"{path}/capacity-reports", json=payload, headers=editor())
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code

    async def test_refuses_another_organization(self, path: Any, client: Any, editor: Any) -> None:
        answer = await client.post(
            f"{path}/capacity-reports", json={"status": "capacity"}, headers=editor("other")
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_organization")


class TestReportCapacities:
    async def test_writes_many_in_one_call(
        self, path: Any, directory: Any, client: Any, admin: Any, search: Any
    ) -> None:
        reports = [
            {"service": str(directory.id("service", name)), "status": "no_capacity"}
            for name in ("desk", "theirs")
        ]
        answer = await client.post(BULK, json={"reports": reports}, headers=admin)
        assert answer.status_code == 201
        page = await search()
        assert [item["is_saturated"] for item in page["items"]] == [True, True]

    async def test_writes_none_when_one_is_bad_and_says_which(
        self, path: Any, directory: Any, client: Any, editor: Any, search: Any
    ) -> None:
        reports = [
            {"service": str(directory.id("service", "desk")), "status": "no_capacity"},
            {"service": str(directory.id("service", "theirs")), "status": "no_capacity"},
            {"service": str(directory.id("service", "nowhere")), "status": "capacity"},
        ]
        answer = await client.post(BULK, json={"reports": reports}, headers=editor())
        assert answer.status_code == 422
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
            ("/reports/1/service", "not_your_organization"),
            ("/reports/2/service", "service_not_found"),
        ]
        assert not any(item["is_saturated"] for item in (await search())["items"])
