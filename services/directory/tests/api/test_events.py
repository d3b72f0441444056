"""`/directory/v1/events`: the shared agenda, and how many came."""

from datetime import datetime
from typing import Any

import pytest
from icalendar import Calendar

from maillage_common.clock import frozen_time

V1 = "/directory/v1"
PATH = f"{V1}/events"
PLACE = {"name": {"fr": "Maison médicale"}, "postcode": "1080", "city": {"fr": "Molenbeek"}}
ONCE = {
    "kind": "workshop",
    "name": {"fr": "Atelier droits", "nl": "Workshop rechten"},
    "needs": ["administration"],
    "languages": ["ar"],
    "place": PLACE,
    "starts_at": "2026-12-01T10:00:00+01:00",
    "ends_at": "2026-12-01T12:00:00+01:00",
}
# Fridays; the first of January and Christmas of that year are Fridays too.
WEEKLY = {
    "kind": "permanence",
    "name": {"fr": "Permanence"},
    "territory": "21003",
    "schedule": {"byday": "FR", "opens_at": "14:00", "closes_at": "16:00"},
    "cancelled_on": ["2026-12-11"],
}


@pytest.fixture
async def post(directory: Any, client: Any, editor: Any) -> Any:
    await directory.has(directory.organization("other"))

    async def run(event: Any, headers: Any = None) -> Any:
        answer = await client.post(PATH, json=event, headers=headers or editor())
        assert answer.status_code == 201, answer.text
        return answer

    return run


@pytest.fixture
def held(client: Any, as_anonymous: Any) -> Any:
    async def run(query: str, headers: Any = None) -> list[str]:
        answer = await client.get(f"{PATH}?{query}", headers=headers or as_anonymous())
        assert answer.status_code == 200, answer.text
        return [f"{item['event']['label']} {item['on']}" for item in answer.json()["items"]]

    return run


class TestListEvents:
    async def test_expands_occurrences_without_holidays_and_cancelled_days(
        self, post: Any, held: Any, client: Any, as_anonymous: Any, query_counter: Any
    ) -> None:
        await post(WEEKLY)
        await post(ONCE)
        assert await held("from=2026-12-01&to=2027-01-08") == [
            "Atelier droits 2026-12-01",
            "Permanence 2026-12-04",
            "Permanence 2026-12-18",
            "Permanence 2027-01-08",
        ]
        with query_counter() as queries:
            page = await client.get(f"{PATH}?from=2026-12-04&to=2026-12-04", headers=as_anonymous())
        assert queries.count == 1
        (item,) = page.json()["items"]
        assert item["starts_at"] == "2026-12-04T14:00:00+01:00"
        assert item["event"]["organization_label"] == "host"

    async def test_filters_and_walks_pages_each_occurrence_once(
        self, post: Any, held: Any, client: Any, as_anonymous: Any
    ) -> None:
        await post(WEEKLY)
        await post({**WEEKLY, "name": {"fr": "Autre"}, "territory": "21001"})
        await post(ONCE)
        period = "from=2026-12-01&to=2026-12-31"
        assert await held(f"{period}&need=administration") == ["Atelier droits 2026-12-01"]
        assert await held(f"{period}&spoken=ar") == ["Atelier droits 2026-12-01"]
        assert await held(f"{period}&kind=workshop") == ["Atelier droits 2026-12-01"]
        assert await held(f"{period}&territory=21012") == ["Atelier droits 2026-12-01"]
        assert len(await held(f"{period}&territory=nord")) == 2
        assert len(await held(f"{period}&territory=1030")) == 0
        seen, cursor = [], ""
        while cursor is not None:
            answer = await client.get(
                f"{PATH}?{period}&limit=2{cursor and '&cursor=' + cursor}", headers=as_anonymous()
            )
            page = answer.json()
            seen += [(item["starts_at"], item["event"]["id"]) for item in page["items"]]
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen)

    async def test_a_confidential_place_is_told_to_nobody_and_kept(
        self, post: Any, held: Any, client: Any, editor: Any
    ) -> None:
        secret = {**PLACE, "latitude": 50.85, "longitude": 4.33, "confidential": True}
        made = await post({**ONCE, "place": secret})
        path, tag = made.headers["location"], made.headers["etag"]
        assert made.json()["place"] == {**_EMPTY_PLACE, "confidential": True}
        assert await held("from=2026-12-01&territory=1080") == []
        read = await client.get(path, headers=editor())
        assert "Molenbeek" not in read.text
        again = {**ONCE, "place": {"confidential": True}}
        await client.put(path, json=again, headers={**editor(), "If-Match": tag})
        calendar = await client.get(f"{PATH}.ics?from=2026-12-01", headers=editor())
        assert "Molenbeek" not in calendar.text

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("from=2026-12-02&to=2026-12-01", "dates_out_of_order"),
            ("from=2026-01-01&to=2028-01-01", "period_too_long"),
        ],
    )
    async def test_refuses_an_impossible_period(
        self, directory: Any, client: Any, as_anonymous: Any, query: Any, code: Any
    ) -> None:
        answer = await client.get(f"{PATH}?{query}", headers=as_anonymous())
        assert [error["code"] for error in answer.json()["errors"]] == [code]
        unknown = await client.get(f"{PATH}?territory=21013x", headers=as_anonymous())
        assert unknown.json()["code"] == "unknown_territory"


_EMPTY_PLACE: dict[str, Any] = {
    "name": {},
    "street": {},
    "postcode": None,
    "city": {},
    "latitude": None,
    "longitude": None,
}


class TestCalendar:
    async def test_gives_one_entry_an_occurrence_in_the_readers_language(
        self, post: Any, client: Any, as_anonymous: Any
    ) -> None:
        await post(WEEKLY)
        await post({**ONCE, "description": {"nl": "Koffie; broodjes, thee\nGratis"}})
        answer = await client.get(
            f"{PATH}.ics?from=2026-12-01&to=2026-12-18",
            headers={**as_anonymous(), "Accept-Language": "nl"},
        )
        assert answer.headers["content-type"].startswith("text/calendar")
        entries = Calendar.from_ical(answer.content).walk("VEVENT")
        assert [str(entry["summary"]) for entry in entries] == [
            "Workshop rechten",
            "Permanence",
            "Permanence",
        ]
        first = entries[0]
        assert first.decoded("dtstart") == datetime.fromisoformat("2026-12-01T09:00:00+00:00")
        assert str(first["location"]) == "Maison médicale, 1080 Molenbeek"
        assert str(first["description"]) == "Koffie; broodjes, thee\nGratis"
        assert len({str(entry["uid"]) for entry in entries}) == 3


class TestOneEvent:
    async def test_two_editors_at_once_lose_nothing(
        self, post: Any, client: Any, editor: Any, as_anonymous: Any
    ) -> None:
        made = await post(WEEKLY)
        path, tag = made.headers["location"], made.headers["etag"]
        read = await client.get(path, headers={**as_anonymous(), "If-None-Match": tag})
        assert read.status_code == 304
        assert len(made.json()["occurrences"]) == 10
        change = {**WEEKLY, "name": {"fr": "Nouveau nom"}}
        assert (await client.put(path, json=change, headers=editor())).status_code == 428
        done = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert (done.json()["label"], done.json()["version"]) == ("Nouveau nom", 2)
        stale = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert stale.status_code == 412
        foreign = await client.delete(path, headers=editor("other"))
        assert foreign.json()["code"] == "not_your_organization"
        assert (await client.delete(path, headers=editor())).status_code == 204
        assert (await client.get(path, headers=as_anonymous())).json()["code"] == "event_not_found"

    async def test_refuses_what_cannot_be(self, post: Any, client: Any, editor: Any) -> None:
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"starts_at": None, "ends_at": None}, "once_or_again"),
            ({"ends_at": "2026-12-01T09:00:00+01:00"}, "dates_out_of_order"),
            ({"ends_at": "2027-12-01T09:00:00+01:00"}, "too_long"),
            ({"place": None}, "nowhere"),
            ({"visibility": "network"}, "network_mismatch"),
            ({"needs": ["dentl"]}, "unknown_need"),
            ({"program": "RAZ"}, "unknown_program"),
            ({"name": {}}, "name_missing"),
            ({"visibility": "network", "network": "nowhere"}, "unknown_network"),
        ]
        for fields, code in wrong:
            answer = await client.post(PATH, json={**ONCE, **fields}, headers=editor())
            assert answer.status_code == 422
            body = answer.json()
            assert code in [body["code"], *(error["code"] for error in body.get("errors", ()))]


class TestAttendance:
    async def test_counts_who_came_once_it_was_held_and_never_who(
        self, post: Any, client: Any, editor: Any, professional: Any, as_anonymous: Any
    ) -> None:
        made = await post(WEEKLY)
        path = f"{made.headers['location']}/attendance"
        count = {"on": "2026-12-04", "present": 9, "need": "dental", "territory": "21003"}
        with frozen_time(datetime.fromisoformat("2026-12-04T15:00:00+01:00")):
            early = await client.post(path, json=count, headers=editor())
        assert early.json()["code"] == "not_held_then"
        with frozen_time(datetime.fromisoformat("2026-12-20T15:00:00+01:00")):
            for day in ("2026-12-11", "2026-12-05"):
                never = await client.post(path, json={**count, "on": day}, headers=editor())
                assert never.json()["code"] == "not_held_then", "cancelled, and not a Friday"
            assert (await client.post(path, json=count, headers=editor())).status_code == 201
            corrected = await client.post(path, json={**count, "present": 12}, headers=editor())
        assert corrected.json()["present"] == 12
        kept = await client.get(path, headers=professional)
        assert (kept.json()["present"], len(kept.json()["items"])) == (12, 1)
        assert (await client.get(path, headers=as_anonymous())).status_code == 403
        person = await client.post(path, json={**count, "name": "Someone"}, headers=editor())
        assert person.status_code == 422
        foreign = await client.post(path, json=count, headers=editor("other"))
        assert foreign.status_code == 403
