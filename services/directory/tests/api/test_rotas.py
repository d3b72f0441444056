"""`/directory/v1/rotas`: a service is open during its turns, whatever its own hours."""

from datetime import timedelta
from typing import Any

import pytest

from maillage_common import dates

V1 = "/directory/v1"
PATH = f"{V1}/rotas"


@pytest.fixture
async def pharmacies(directory: Any) -> Any:
    await directory.has(
        directory.organization("other"),
        directory.service("A"),
        directory.service(
            "B", schedules=[{"byday": "MO", "opens_at": "09:00", "closes_at": "10:00"}]
        ),
        directory.service("hidden", visibility="own"),
        directory.service("foreign", of="other"),
    )
    return directory


def turn(directory: Any, name: str, **rule: Any) -> dict[str, Any]:
    return {"service": str(directory.id("service", name)), **rule}


def all_day() -> dict[str, str]:
    """A turn on today's date in Brussels, which the test's clock cannot leave by midnight."""
    today = dates.today()
    return {"on": today.isoformat(), "opens_at": "00:00", "closes_at": "24:00"}


class TestRotas:
    async def test_a_turn_opens_a_service_whatever_its_own_hours(
        self, pharmacies: Any, client: Any, editor: Any, as_anonymous: Any, found: Any
    ) -> None:
        rota = {
            "name": {"fr": "Garde", "nl": "Wachtdienst"},
            "turns": [turn(pharmacies, "A", **all_day())],
        }
        assert await found(open_at="now") == []
        made = await client.post(PATH, json=rota, headers=editor())
        assert made.status_code == 201, made.text
        assert await found(open_at="now") == ["A"]
        one = await client.get(
            f"{V1}/services/{pharmacies.id('service', 'A')}", headers=as_anonymous()
        )
        assert one.json()["open_until"]
        read = await client.get(
            made.headers["location"], headers={**as_anonymous(), "Accept-Language": "nl"}
        )
        assert read.json()["label"] == "Wachtdienst"
        assert [duty["service_label"] for duty in read.json()["on_duty"]] == ["A"]
        assert read.headers["etag"]
        gone = await client.delete(made.headers["location"], headers=editor())
        assert gone.status_code == 204
        assert await found(open_at="now") == []
        absent = await client.get(made.headers["location"], headers=as_anonymous())
        assert absent.json()["code"] == "rota_not_found"

    async def test_turns_run_over_public_holidays_and_after_midnight(
        self, pharmacies: Any, client: Any, editor: Any, found: Any
    ) -> None:
        christmas = {"on": "2026-12-25", "opens_at": "19:00", "closes_at": "08:00"}
        monthly = {"freq": "MONTHLY", "byday": "2SU", "opens_at": "10:00", "closes_at": "12:00"}
        rota = {
            "name": {"fr": "Garde"},
            "turns": [turn(pharmacies, "A", **christmas), turn(pharmacies, "B", **monthly)],
        }
        await client.post(PATH, json=rota, headers=editor())
        assert await found(open_at="2026-12-25T20:00:00+01:00") == ["A"]
        assert await found(open_at="2026-12-26T07:59:00+01:00") == ["A"]
        assert await found(open_at="2026-12-26T08:00:00+01:00") == []
        assert await found(open_at="2027-01-10T11:00:00+01:00") == ["B"]
        assert await found(open_at="2027-01-17T11:00:00+01:00") == []

    async def test_a_dated_closure_closes_a_service_on_duty(
        self, directory: Any, client: Any, editor: Any, found: Any
    ) -> None:
        today = dates.today()
        await directory.has(
            directory.service(
                "shut",
                closures=[
                    {"from": (today - timedelta(days=1)).isoformat(), "to": today.isoformat()}
                ],
            )
        )
        rota = {"name": {"fr": "Garde"}, "turns": [turn(directory, "shut", **all_day())]}
        await client.post(PATH, json=rota, headers=editor())
        assert await found(open_at="now") == []

    async def test_is_seen_through_its_services(
        self, pharmacies: Any, client: Any, editor: Any, as_anonymous: Any, query_counter: Any
    ) -> None:
        for names in (["hidden"], ["hidden", "B"], []):
            rota = {
                "name": {"fr": "+".join(names) or "nobody"},
                "turns": [turn(pharmacies, name, **all_day()) for name in names],
            }
            await client.post(PATH, json=rota, headers=editor())
        with query_counter() as queries:
            page = (await client.get(PATH, headers=as_anonymous())).json()
        assert queries.count == 2
        assert [item["label"] for item in page["items"]] == ["hidden+B"]
        assert [one["service_label"] for one in page["items"][0]["turns"]] == ["B"]
        assert [one["service_label"] for one in page["items"][0]["on_duty"]] == ["B"]
        own = (await client.get(f"{PATH}?limit=2", headers=editor())).json()
        rest = await client.get(f"{PATH}?limit=2&cursor={own['next_cursor']}", headers=editor())
        assert len(own["items"]) + len(rest.json()["items"]) == 3

    async def test_two_editors_at_once_lose_nothing(
        self, pharmacies: Any, client: Any, editor: Any, found: Any
    ) -> None:
        rota = {"name": {"fr": "Garde"}, "turns": [turn(pharmacies, "A", **all_day())]}
        made = await client.post(PATH, json=rota, headers=editor())
        path, tag = made.headers["location"], made.headers["etag"]
        change = {**rota, "turns": [turn(pharmacies, "B", **all_day())]}
        missing = await client.put(path, json=change, headers=editor())
        assert missing.status_code == 428
        first = await client.put(path, json=change, headers={**editor(), "If-Match": tag})
        assert first.status_code == 200, first.text
        assert await found(open_at="now") == ["B"]
        second = await client.put(path, json=rota, headers={**editor(), "If-Match": tag})
        assert second.status_code == 412

    async def test_only_who_edits_a_service_puts_it_on_a_rota(
        self, pharmacies: Any, client: Any, editor: Any, admin: Any, professional: Any
    ) -> None:
        foreign = {"name": {"fr": "x"}, "turns": [turn(pharmacies, "foreign", **all_day())]}
        refused = await client.post(PATH, json=foreign, headers=editor())
        assert refused.json()["code"] == "not_your_organization"
        assert (await client.post(PATH, json=foreign, headers=professional)).status_code == 403
        nobody = await client.post(PATH, json=foreign, headers=admin)
        assert nobody.json()["code"] == "organization_not_named"
        named = {**foreign, "organization": str(pharmacies.id("organization", "host"))}
        made = await client.post(PATH, json=named, headers=admin)
        assert made.status_code == 201
        of_host = await client.put(
            made.headers["location"],
            json={"name": {"fr": "x"}},
            headers={**editor("other"), "If-Match": made.headers["etag"]},
        )
        assert of_host.json()["code"] == "not_your_organization"

    async def test_refuses_an_impossible_turn(
        self, pharmacies: Any, client: Any, editor: Any
    ) -> None:
        for rule, code in [
            ({"opens_at": "09:00", "closes_at": "09:00", "byday": "MO"}, "impossible_schedule"),
            ({"opens_at": "09:00", "closes_at": "10:00"}, "impossible_schedule"),
            (
                {"on": "2026-12-25", "byday": "MO", "opens_at": "09:00", "closes_at": "10:00"},
                "one_day_or_a_rule",
            ),
        ]:
            rota = {"name": {"fr": "x"}, "turns": [turn(pharmacies, "A", **rule)]}
            answer = await client.post(PATH, json=rota, headers=editor())
            assert answer.status_code == 422
            assert [error["code"] for error in answer.json()["errors"]] == [code]

    async def test_names_the_service_that_is_not_there(
        self, pharmacies: Any, client: Any, editor: Any
    ) -> None:
        rota = {"name": {"fr": "x"}, "turns": [turn(pharmacies, "never", **all_day())]}
        answer = await client.post(PATH, json=rota, headers=editor())
        (error,) = answer.json()["errors"]
        assert (error["code"], error["pointer"]) == ("unknown_service", "/turns/0/service")
