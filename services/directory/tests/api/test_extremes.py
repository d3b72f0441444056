"""The first and the last days there are: refused where they come in, and nothing read breaks."""

import json
from typing import Any

import pytest
from services.directory.tests.api.test_round_trips import bring

__all__ = ["bring"]

V1 = "/directory/v1"
TOO_LATE, TOO_EARLY = "9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+14:00"
RULE = {"byday": ["MO"], "opens_at": "09:00", "closes_at": "10:00", "interval": 2}


@pytest.mark.parametrize("day", ["9999-12-20", "0001-01-01", "2200-01-01", "1899-12-31"])
@pytest.mark.parametrize(
    ("path", "fields", "pointer"),
    [
        ("services", {"schedules": [{**RULE, "dtstart": "{day}"}]}, "/schedules/0/dtstart"),
        ("services", {"schedules": [{**RULE, "until": "{day}"}]}, "/schedules/0/until"),
        ("services", {"closures": [{"from": "{day}", "to": "{day}"}]}, "/closures/0/from"),
        ("events", {"schedule": {**RULE, "dtstart": "{day}"}}, "/schedule/dtstart"),
        ("events", {"starts_at": "{day}T00:00:00-10:00"}, "/starts_at"),
        ("rotas", {"turns": [{"service": "{desk}", "on": "{day}"}]}, "/turns/0/on"),
    ],
)
async def test_are_refused_in_what_is_written(
    directory: Any, client: Any, editor: Any, day: str, path: str, fields: Any, pointer: str
) -> None:
    await directory.has(directory.service("desk"))
    filled = json.dumps(fields).replace("{day}", day)
    filled = filled.replace("{desk}", str(directory.id("service", "desk")))
    body = {"organization": str(directory.id("organization", "host")), "name": {"fr": "x"}}
    answer = await client.post(
        f"{V1}/{path}", json={**body, **json.loads(filled)}, headers=editor()
    )
    assert answer.status_code == 422, answer.text
    faults = {fault.get("pointer"): fault["code"] for fault in answer.json()["errors"]}
    assert faults[pointer] in ("greater_than_equal", "less_than")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("capacity-reports", {"status": "capacity", "valid_until": TOO_LATE}),
        ("capacity-reports", {"status": "capacity", "observed_at": TOO_EARLY}),
        ("verifications", {"verified_at": TOO_EARLY}),
    ],
)
async def test_in_a_report_leave_the_service_readable(
    directory: Any, client: Any, admin: Any, search: Any, path: str, body: Any
) -> None:
    await directory.has(directory.service("desk"))
    service = f"{V1}/services/{directory.id('service', 'desk')}"
    answer = await client.post(f"{service}/{path}", json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    assert [item["label"] for item in (await search())["items"]] == ["desk"]


@pytest.mark.parametrize(
    "url",
    [
        "services?open_at=9999-12-31T23:59:59Z",
        "services?open_at=0001-01-01T00:00:00Z",
        "services?verified_since=0001-01-01T00:00:00%2B14:00",
        "events?from=9999-12-31",
        "events?from=9999-12-01&to=9999-12-31",
        "events.ics?from=0001-01-01",
        "observations/counts?observed_since=0001-01-01",
        "territories?on=9999-12-31",
        "exports/ndjson?modified_after=0001-01-01T00:00:00%2B14:00",
        "diagnostics?published_since=0001-01-01",
        "../../hsds/v3/services?modified_after=0001-01-01T00:00:00%2B14:00",
        "../../hsds/v3/services?modified_after=9999-12-31T00:00:00",
    ],
)
async def test_are_refused_in_what_is_asked(client: Any, as_anonymous: Any, url: str) -> None:
    answer = await client.get(f"{V1}/{url}", headers=as_anonymous())
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text


async def test_the_last_day_that_may_be_told_can_be_read(
    directory: Any, client: Any, editor: Any, search: Any
) -> None:
    await directory.has()
    longest = {**RULE, "dtstart": "2199-12-31", "interval": 52, "count": 20}
    body = {
        "organization": str(directory.id("organization", "host")),
        "name": {"fr": "x"},
        "schedules": [longest],
        "closures": [{"from": "1900-01-01", "to": "2199-12-31"}],
    }
    made = await client.post(f"{V1}/services", json=body, headers=editor())
    assert made.status_code == 201, made.text
    page = await search(open_at="2199-12-31T23:59:59Z")
    assert page["total"] == 0
    assert (await search())["total"] == 1


async def test_in_a_row_of_an_import_leave_the_other_rows(
    directory: Any, bring: Any, search: Any
) -> None:
    bad = directory.service("bad", schedules=[{**RULE, "dtstart": "9999-12-20"}])
    late = directory.service(
        "late", capacity={"status": "capacity", "observed_at": TOO_EARLY, "valid_until": TOO_LATE}
    )
    lines = [directory.organization("host"), directory.service("good"), bad, late]
    seen, rows = await bring("\n".join(map(json.dumps, lines)).encode(), "ndjson")
    assert (seen["stage"], seen["counts"]["created"]) == ("done", 2)
    assert {row["line"] for row in rows} == {3, 4}
    assert [item["label"] for item in (await search())["items"]] == ["good"]
