"""Places, saturation, paging, refusals and the shape of a search's answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from services.directory.tests.searching import MORNINGS, NOON, told

from maillage_common.clock import frozen_time
from maillage_directory.search.schemas import SearchPage

SERVICES = "/directory/v1/services"


class TestPlace:
    async def test_inside_comes_before_outside_in_one_order(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("away", action_zones=["21016"]),
            directory.service("commune", action_zones=["21012"]),
            directory.service("region", action_zones=["bru"]),
            directory.service("sited", locations=[{"address": {"postcode": "1080"}}]),
        )
        page = await search(territory="21012", sort="name")
        assert [(item["label"], item["outside"]) for item in page["items"]] == [
            ("commune", False),
            ("region", False),
            ("sited", False),
            ("away", True),
        ]

    async def test_a_postcode_settles_the_basin_that_its_commune_leaves_open(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("laeken", locations=[{"address": {"postcode": "1020"}}]),
            directory.service("pentagon", locations=[{"address": {"postcode": "1000"}}]),
        )
        page = await search(territory="nord", sort="name")
        by_name = {item["label"]: item for item in page["items"]}
        assert not by_name["laeken"]["outside"]
        assert by_name["laeken"]["match"]["uncertain"] == []
        assert by_name["pentagon"]["outside"]
        page = await search(territory="sud", sort="name")
        by_name = {item["label"]: item for item in page["items"]}
        assert by_name["laeken"]["outside"]
        assert not by_name["pentagon"]["outside"]
        assert by_name["pentagon"]["match"]["uncertain"] == ["territoire : à vérifier"]

    async def test_a_known_commune_settles_what_a_shared_postcode_leaves_open(
        self, directory: Any, search: Any
    ) -> None:
        address = {"postcode": "1050", "commune_nis": "21009"}
        await directory.has(directory.service("hospital", locations=[{"address": address}]))
        item = (await search(territory="sud"))["items"][0]
        assert (item["outside"], item["match"]["uncertain"]) == (False, [])
        assert (await search(territory="centre-ouest"))["items"][0]["outside"]

    async def test_distances_are_metres_and_nearest_first(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("far", locations=[directory.place(50.8466, 4.3828)]),
            directory.service("near", locations=[directory.place(50.8466, 4.3528)]),
            directory.service("phone", access=["phone"]),
        )
        page = await search(near="50.8466,4.3528", sort="distance")
        assert [item["label"] for item in page["items"]] == ["near", "far", "phone"]
        assert page["items"][0]["distance_m"] == 0
        assert 2080 < page["items"][1]["distance_m"] < 2130
        assert "distance_m" not in page["items"][2]
        page = await search(near="50.8466,4.3528", radius_m=1000)
        assert [item["label"] for item in page["items"]] == ["near", "phone"]

    async def test_a_confidential_place_is_never_told_nor_felt(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service(
                "refuge",
                locations=[
                    directory.place(
                        50.9,
                        4.4,
                        confidential=True,
                        name="Maison secrète",
                        address={"street": {"fr": "Rue Cachée 1"}, "postcode": "1080"},
                    )
                ],
            ),
            directory.service("open", locations=[directory.place(50.85, 4.35)]),
        )
        answers = []
        for near in ("50.9,4.4", "50.8,4.3", "50.85,4.35"):
            page = await search(near=near, radius_m=100_000, sort="distance")
            refuge = next(item for item in page["items"] if item["label"] == "refuge")
            answers.append({name: value for name, value in refuge.items() if name != "open_until"})
            assert "Cachée" not in str(page)
            assert "secrète" not in str(page)
            assert "distance_m" not in refuge
        assert answers[0] == answers[1] == answers[2]
        page = await search(territory="21012", sort="name")
        assert next(item for item in page["items"] if item["label"] == "refuge")["outside"]
        assert (await search(q="cachée"))["items"] == []


class TestKeptCards:
    """A card is kept as it was written; who may read it and what it says never come from before."""

    async def test_a_change_is_told_at_once(
        self, directory: Any, client: Any, search: Any, editor: Any
    ) -> None:
        await directory.has(directory.service("soup"))
        item = (await search(q="soup"))["items"][0]
        assert item["label"] == "soup"
        path = f"{SERVICES}/{item['id']}"
        changed = await client.patch(
            path, json={"cost": "free"}, headers={**editor(), "If-Match": '"1"'}
        )
        assert changed.status_code == 200, changed.text
        page = await search(q="soup")
        assert page["items"][0] == {
            **item,
            "cost": "free",
            "version": 2,
            "updated_at": page["items"][0]["updated_at"],
        }

    async def test_each_layer_reads_its_own(
        self, directory: Any, search: Any, editor: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.organization("other"),
            directory.service(
                "soup",
                phones=[
                    {"number": f"+3220000000{number}", "visibility": visibility}
                    for number, visibility in enumerate(("public", "professional", "own"))
                ],
            ),
        )
        readers = (None, professional, editor(), editor("other"))
        for _ in range(2):
            seen = [
                len((await search(headers, q="soup"))["items"][0]["phones"]) for headers in readers
            ]
            assert seen == [1, 2, 3, 2]

    async def test_a_night_is_open_until_its_morning(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(
            directory.service(
                "night", schedules=[{"byday": "SU", "opens_at": "22:00", "closes_at": "06:00"}]
            )
        )
        with frozen_time(datetime(2026, 11, 23, 2, 0, tzinfo=UTC)):
            answer = await client.get(
                f"{SERVICES}/{directory.id('service', 'night')}", headers=as_anonymous()
            )
        assert answer.json()["open_until"] == "2026-11-23T06:00:00+01:00"


class TestSaturation:
    async def test_the_public_gets_full_services_last_with_open_ones_instead(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("aaa", needs=["dental"], capacity=told("waitlist", waiting_days=40)),
            directory.service("bbb", needs=["dental"], capacity=told("capacity")),
            directory.service("ccc", needs=["food"]),
        )
        page = await search(sort="name")
        assert [item["label"] for item in page["items"]] == ["bbb", "ccc", "aaa"]
        full = page["items"][-1]
        assert full["is_saturated"]
        assert full["capacity"]["waiting_days"] == 40
        assert full["alternatives"] == [str(directory.id("service", "bbb"))]

    async def test_professionals_get_them_where_they_belong(
        self, directory: Any, found: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.service("aaa", capacity=told("no_capacity")),
            directory.service("bbb"),
        )
        assert await found(professional, sort="name") == ["aaa", "bbb"]


class TestDemonstration:
    async def test_is_left_out_of_the_public_layer_when_something_real_fits(
        self, directory: Any, found: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.service("real", needs=["food"]),
            directory.service("pretend", source="demo", needs=["food", "dental"]),
        )
        assert await found(need="food") == ["real"]
        assert await found(need="dental") == ["pretend"]
        assert await found(source="demo") == ["pretend"]
        assert await found(professional, need="food", sort="name") == ["pretend", "real"]


class TestPaging:
    async def test_a_walk_gives_every_unchanged_service_once_while_others_come_and_change(
        self, directory: Any, search: Any
    ) -> None:
        names = [f"service {number:02d}" for number in range(25)]
        await directory.has(*(directory.service(name, needs=["food"]) for name in names))
        for asked in (
            {"sort": "name"},
            {"sort": "relevance", "q": "service"},
            {"sort": "freshness"},
            {"sort": "distance", "near": "50.85,4.35"},
        ):
            seen, cursor, step = [], None, 0
            while True:
                page = await search(**asked, need="food", limit=4, cursor=cursor)
                seen += [item["label"] for item in page["items"]]
                cursor, step = page["next_cursor"], step + 1
                if cursor is None:
                    break
                await directory.loads(
                    directory.service(f"service new {asked['sort']} {step}", needs=["food"]),
                    directory.service(names[-step], needs=["food"], description={"fr": f"{step}"}),
                )
            kept = [label for label in seen if label in names]
            assert sorted(kept) == names

    async def test_now_stays_what_it_was_on_the_first_page(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            *(directory.service(f"s{number}", schedules=MORNINGS) for number in range(4))
        )
        with frozen_time(NOON):
            first = await search(open_at="now", limit=2)
        with frozen_time(NOON + timedelta(hours=3)):
            second = await search(open_at="now", limit=2, cursor=first["next_cursor"])
        assert len(second["items"]) == 2
        assert second["searched_at"] == first["searched_at"]

    async def test_refuses_a_cursor_of_another_query_or_layer(
        self, directory: Any, client: Any, search: Any, as_anonymous: Any, professional: Any
    ) -> None:
        await directory.has(*(directory.service(f"s{number}") for number in range(3)))
        cursor = (await search(limit=1))["next_cursor"]
        answer = await client.get(f"{SERVICES}?need=food&cursor={cursor}", headers=as_anonymous())
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_of_another_query")
        answer = await client.get(f"{SERVICES}?cursor={cursor}", headers=professional)
        assert answer.json()["code"] == "cursor_of_another_query"
        answer = await client.get(f"{SERVICES}?cursor=AAAA{cursor}", headers=as_anonymous())
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "code", "suggestion"),
        [
            ("need=housin", "unknown_need", "housing"),
            ("need=Logement", "unknown_need", "housing"),
            ("need=dentistt", "unknown_need", "dental"),
            ("need=tandaarts", "unknown_need", "dental"),
            ("territory=noord", "unknown_territory", "nord"),
            ("program=RAC", "unknown_program", "RAQ"),
        ],
    )
    async def test_suggests_codes_near_an_unknown_one(
        self, directory: Any, client: Any, as_anonymous: Any, query: Any, code: Any, suggestion: Any
    ) -> None:
        answer = await client.get(f"{SERVICES}?{query}", headers=as_anonymous())
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert suggestion in answer.json()["suggestions"]
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("near=50.84", "incomplete_position"),
            ("person=someone", "extra_forbidden"),
            ("limit=0", "greater_than_equal"),
            ("open_at=yesterday", "unreadable_instant"),
            ("spoken=arabic", "unknown_language"),
            ("radius_m=500", "near_missing"),
            ("sort=distance", "near_missing"),
            ("spoken=xx", "unknown_language"),
        ],
    )
    async def test_refuses_what_it_cannot_read(
        self, client: Any, as_anonymous: Any, query: Any, code: Any
    ) -> None:
        answer = await client.get(f"{SERVICES}?{query}", headers=as_anonymous())
        assert answer.status_code == 422
        assert answer.json()["code"] == "validation_failed"
        (fault,) = answer.json()["errors"]
        at = "near" if code == "near_missing" else query.partition("=")[0]
        assert (fault["code"], fault["parameter"]) == (code, at)

    async def test_tells_in_a_body_what_a_distance_is_measured_from(
        self, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.post(
            f"{SERVICES}/search", json={"radius_m": 500}, headers=as_anonymous()
        )
        (fault,) = answer.json()["errors"]
        assert (fault["code"], fault["pointer"]) == ("near_missing", "/near")

    async def test_nothing_works_without_an_internal_token(self, client: Any) -> None:
        assert (await client.get(SERVICES)).status_code == 401


class TestAnswer:
    async def test_says_why_in_the_language_of_the_caller(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(
            directory.service(
                "desk",
                name={"fr": "Guichet", "nl": "Loket"},
                languages=["ar"],
                verified_at="2026-10-02T10:00:00Z",
                needs=["food"],
                conditions={"undocumented": "yes"},
            )
        )
        for language, label, speaks in (
            ("fr", "Guichet", "parle arabe (vérifié le 2026-10-02)"),
            ("nl", "Loket", "spreekt Arabisch (nagekeken op 2026-10-02)"),
            ("en", "Guichet", "speaks Arabic (checked 2026-10-02)"),
        ):
            answer = await client.get(
                f"{SERVICES}?spoken=ar&need=food&for_status=undocumented",
                headers={**as_anonymous(), "Accept-Language": language},
            )
            item = answer.json()["items"][0]
            assert item["label"] == label
            assert speaks in item["match"]["reasons"]
            assert answer.headers["Content-Language"] == language

    async def test_get_and_post_give_the_same(
        self, directory: Any, client: Any, search: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.service("one", languages=["ar"], needs=["food"]))
        with frozen_time(NOON):
            posted = await search(spoken=["ar"], need=["food"], near="50.8,4.3")
            got = await client.get(
                f"{SERVICES}?spoken=ar&need=food&near=50.8,4.3", headers=as_anonymous()
            )
        assert got.json() == posted

    async def test_matches_its_published_shape(self, directory: Any, search: Any) -> None:
        await directory.has(
            directory.service(
                "full",
                needs=["food"],
                schedules=MORNINGS,
                locations=[directory.place(50.8, 4.3, address={"postcode": "1080"})],
                capacity=told("waitlist"),
                phones=["+3225550000"],
                contacts=[{"name": "Accueil", "visibility": "public"}],
                closures=[{"from": "2026-12-01", "to": "2026-12-03", "reason": "congé"}],
            )
        )
        SearchPage.model_validate(await search(near="50.8,4.3"))
