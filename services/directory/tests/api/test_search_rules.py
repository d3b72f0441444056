"""Rules of the search that other files do not name: facets, quality, sorting, dates, silence."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from services.directory.tests.searching import NOON
from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_common.clock import frozen_time
from maillage_common.dates import BRUSSELS
from maillage_directory import projection, vocabulary
from maillage_directory.search.estimates import Look, Outlook
from maillage_directory.visibility import NETWORKS

SERVICES = "/directory/v1/services"
CENTRE = (50.8466, 4.3528)


async def execute(directory: Any, statement: str, **parameters: Any) -> None:
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await (await session.connection()).execute(text(statement), parameters)


def first_of(number: int) -> Any:
    """An `Outlook.first` that always begins there."""
    return lambda _, tiers: min(number, len(tiers) - 1)


def told(status: str) -> dict[str, str]:
    return {
        "status": status,
        "observed_at": "2026-01-01T00:00:00Z",
        "valid_until": "2126-01-01T00:00:00Z",
    }


class TestWordsForTheSame:
    async def test_none_is_no_insurance_and_a_language_has_one_code(
        self, directory: Any, search: Any
    ) -> None:
        welcoming = {"conditions": {"no_insurance": "yes"}, "languages": ["ara"]}
        await directory.has(directory.service("one", **welcoming), directory.service("other"))
        page = await search(for_insurance="none", spoken="arb", certain_only=True)
        assert [item["name"]["fr"] for item in page["items"]] == ["one"]
        assert page["items"][0]["languages"] == ["ar"]


class TestFacets:
    async def test_count_what_is_found_by_every_code(self, directory: Any, search: Any) -> None:
        await directory.has(
            directory.service(
                "one",
                needs=["housing-emergency"],
                languages=["ar", "fr"],
                access=["walk_in"],
                cost="free",
                conditions={"women": "yes"},
                programs=["RAQ"],
                action_zones=["21012"],
                capacity=told("capacity"),
            ),
            directory.service("two", needs=["housing"], kind="self_help", accessible="no"),
            directory.service("other", needs=["food"]),
        )
        asked = "need,spoken,access,kind,program,capacity,cost,accessible,condition,territory"
        page = await search(need="housing", facets=asked, limit=1)
        assert page["total"] == 2
        facets = page["facets"]
        assert facets["need"] == {"housing": 2, "housing-emergency": 1}
        assert facets["spoken"] == {"ar": 1, "fr": 1, "unknown": 1}
        assert facets["access"] == {"walk_in": 1}
        assert facets["kind"] == {"association": 1, "self_help": 1}
        assert facets["program"] == {"RAQ": 1}
        assert facets["capacity"] == {"capacity": 1, "unknown": 1}
        assert facets["cost"] == {"free": 1, "unknown": 1}
        assert facets["accessible"] == {"no": 1, "unknown": 1}
        assert facets["condition"] == {"women": 1}
        assert {"21012", "bru"} <= set(facets["territory"])

    async def test_name_what_a_service_costs_as_its_record_does(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            *(directory.service(cost, cost=cost) for cost in ("free", "paid", "unknown"))
        )
        page = await search(facets="cost")
        assert page["facets"]["cost"] == {"free": 1, "paid": 1, "unknown": 1}

    async def test_count_in_a_territory_what_is_in_it_not_what_serves_all_around(
        self, directory: Any, search: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("here", action_zones=["21012"]),
            directory.service("everywhere", action_zones=["bru"]),
        )
        facet = (await search(facets="territory"))["facets"]["territory"]
        assert (facet["21012"], facet["bru"]) == (1, 2)
        assert sorted(await found(territory="21012")) == ["everywhere", "here"]

    async def test_come_only_when_asked_for_and_in_one_statement(
        self, directory: Any, search: Any, client: Any, as_anonymous: Any, query_counter: Any
    ) -> None:
        await directory.has(directory.service("one", needs=["food"]))
        assert "facets" not in await search()
        with query_counter() as sent:
            answer = await client.get(f"{SERVICES}?facets=need,kind", headers=as_anonymous())
        assert (sent.count, set(answer.json()["facets"])) == (1, {"need", "kind"})
        answer = await client.get(f"{SERVICES}?facets=people", headers=as_anonymous())
        assert answer.status_code == 422

    async def test_tell_neither_hidden_services_nor_confidential_places(
        self, directory: Any, search: Any, professional: Any
    ) -> None:
        hidden = {"needs": ["dental"], "languages": ["tr"]}
        await directory.has(
            directory.service("hidden", visibility="professional", **hidden),
            directory.service(
                "refuge",
                locations=[
                    directory.place(*CENTRE, confidential=True, address={"postcode": "1080"})
                ],
            ),
        )
        page = await search(facets="need,spoken,territory")
        assert page["facets"] == {"need": {}, "spoken": {"unknown": 1}, "territory": {}}
        page = await search(professional, facets="need,spoken,territory")
        assert page["facets"]["need"]["dental"] == 1
        assert page["facets"]["territory"] == {}


class TestQuality:
    async def test_below_is_left_out_and_unknown_is_counted(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(*(directory.service(name) for name in ("good", "poor", "unjudged")))
        for name, quality in (("good", 0.9), ("poor", 0.2), ("unjudged", None)):
            await execute(
                directory,
                "UPDATE service_search SET quality = :quality WHERE service_id = :id",
                quality=quality,
                id=directory.id("service", name),
            )
        page = await search(quality_min=0.5)
        assert [item["label"] for item in page["items"]] == ["good"]
        assert page["unknown"] == {"quality_min": 1}


class TestOrder:
    async def test_sorts_by_name_without_accents_and_by_freshness(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("Zorg", verified_at="2026-10-01T00:00:00Z"),
            directory.service("Écoute", verified_at="2026-09-01T00:00:00Z"),
            directory.service("Dent"),
        )
        assert await found(sort="name") == ["Dent", "Écoute", "Zorg"]
        assert await found(sort="freshness") == ["Zorg", "Écoute", "Dent"]

    async def test_about_a_point_comes_before_elsewhere_and_far_away_last(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("Aide Gand", locations=[directory.place(51.05, 3.72)]),
            directory.service(
                "centre", description={"fr": "aide"}, locations=[directory.place(*CENTRE)]
            ),
            directory.service("phone", description={"fr": "aide"}, access=["phone"]),
        )
        # The name of the far one holds the word, which weighs more than a description.
        near = f"{CENTRE[0]},{CENTRE[1]}"
        assert await found(q="aide", near=near) == ["centre", "phone", "Aide Gand"]
        assert await found(q="aide") == ["Aide Gand", "centre", "phone"]
        assert await found(near=near, sort="distance") == ["centre", "Aide Gand", "phone"]

    async def test_a_large_directory_answers_the_same_pages(
        self, directory: Any, search: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With many services those elsewhere are looked at only when the page is not full."""
        places = [(50.85, 4.35), (50.86, 4.36), (51.2, 4.4), (49.6, 5.8), (50.84, 4.34), (51.0, 3)]
        await directory.has(
            *(
                directory.service(
                    f"soup kitchen {number}",
                    needs=["food"],
                    locations=[directory.place(*place, confidential=number == 4)],
                    action_zones=["21012"] if number == 3 else [],
                    languages=["fr"] if number % 2 else [],
                )
                for number, place in enumerate(places)
            ),
            # Each has one of the words.
            directory.service("soup van", needs=["food"], languages=["fr"]),
            directory.service("cold kitchen", needs=["food"], languages=["fr"]),
        )
        searches: list[dict[str, Any]] = [
            {"q": "soup", "need": "food", "near": "50.85,4.35", "territory": "21012"},
            {"need": "food", "near": "50.85,4.35"},
            {"near": "50.85,4.35", "sort": "distance"},
            {"territory": "21012", "sort": "name"},
            {"near": "50.85,4.35", "radius_m": 40_000, "spoken": "fr"},
            {"q": "à soup kitchen", "near": "50.85,4.35", "spoken": ["fr", "nl"]},
            {"q": "kitchen sou", "near": "50.85,4.35"},
        ]

        async def pages(asked: dict[str, Any]) -> list[list[str]]:
            cursor, seen = None, []
            while cursor or not seen:
                page = await search(**asked, limit=2, **({"cursor": cursor} if cursor else {}))
                seen.append([item["label"] for item in page["items"]])
                cursor = page["next_cursor"]
            return seen

        small = [await pages(asked) for asked in searches]
        # As if eight services were many; wherever they are looked for first, and however.
        monkeypatch.setattr(vocabulary, "LARGE", -1)
        looks = (Look(), Look(later=("kitchen",), speaks_later=True), Look(later=("a", "soup")))
        for number, look in itertools.product(range(4), looks):
            with monkeypatch.context() as patch:
                patch.setattr(Outlook, "first", first_of(number))
                patch.setattr(Outlook, "look", lambda _, tier, look=look: look)
                assert [await pages(asked) for asked in searches] == small
        monkeypatch.setattr(Outlook, "first", first_of(0))
        page = await search(near="50.85,4.35", limit=1)
        assert (page["total"] >= 1, page["total_is_exact"]) == (True, False)
        page = await search(near="50.85,4.35", limit=1, facets="need")
        assert (page["total"], page["total_is_exact"]) == (8, True)


class TestOpenAt:
    async def test_temporarily_closed_is_shown_and_never_open(
        self, directory: Any, search: Any, found: Any
    ) -> None:
        always = [
            {
                "byday": "MO,TU,WE,TH,FR,SA,SU",
                "opens_at": "00:00",
                "closes_at": "24:00",
            }
        ]
        await directory.has(
            directory.service("shut", status="temporarily closed", schedules=always),
            directory.service("gone", status="defunct", schedules=always),
            directory.service("open", schedules=always),
        )
        with frozen_time(NOON):
            page = await search(open_at="now")
        assert [item["label"] for item in page["items"]] == ["open"]
        assert page["unknown"] == {"open_at": 0}
        assert sorted(await found()) == ["open", "shut"]

    async def test_a_turn_of_a_rota_opens_and_a_closure_still_closes(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("duty"),
            directory.service("ill", closures=[{"from": "2026-11-28", "to": "2026-11-29"}]),
            directory.service("off"),
        )
        await execute(
            directory,
            "INSERT INTO rota (id, organization_id, name, description)"
            " VALUES (gen_random_uuid(), :host, '{\"fr\": \"garde\"}', '{}')",
            host=directory.id("organization", "host"),
        )
        for position, name in enumerate(("duty", "ill")):
            await execute(
                directory,
                "INSERT INTO rota_turn (id, rota_id, service_id, position, freq, byday,"
                " repeat_every, week_shift, phase, wkst, opens_minute, closes_minute, on_holidays)"
                " SELECT gen_random_uuid(), id, :service, :position, 'WEEKLY', '{SA}', 1, 3, 0,"
                " 'MO', 540, 1980, 'open' FROM rota",
                service=directory.id("service", name),
                position=position,
            )
        await directory.refreshes()
        assert await found(open_at="2026-11-28T10:00:00+01:00") == ["duty"]
        assert await found(open_at="2026-11-29T08:30:00+01:00") == ["duty"]
        assert await found(open_at="2026-11-29T09:30:00+01:00") == []
        assert await found(open_at="2026-11-21T10:00:00+01:00", sort="name") == ["duty", "ill"]


class TestWords:
    async def test_beginnings_are_tried_when_no_word_is_held_whole(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("Dentaire du coeur"), directory.service("Dentisterie sociale")
        )
        assert sorted(await found(q="dent")) == ["Dentaire du coeur", "Dentisterie sociale"]
        assert await found(q="dent coe") == ["Dentaire du coeur"]

    async def test_small_words_ask_for_nothing(self, directory: Any, found: Any) -> None:
        await directory.has(directory.service("Aide", description={"fr": "Conseils juridiques"}))
        assert await found(q="des conseils pour le juridique") == ["Aide"]

    async def test_way_of_finding_is_kept_on_all_pages(self, directory: Any, search: Any) -> None:
        await directory.has(*(directory.service(f"Dispensaire {n}") for n in range(3)))
        first = await search(q="dispansaire", limit=2)
        # A service that holds the words, come between two pages, does not turn the others away.
        await directory.has(directory.service("Dispansaire"))
        second = await search(q="dispansaire", limit=2, cursor=first["next_cursor"])
        labels = {item["label"] for page in (first, second) for item in page["items"]}
        assert {f"Dispensaire {n}" for n in range(3)} <= labels


async def test_a_membership_that_begins_places_its_services_once(
    directory: Any, search: Any
) -> None:
    await directory.has(directory.service("hall", action_zones=["21002"]))
    assert (await search(territory="nord"))["items"][0]["outside"]
    await execute(
        directory,
        "INSERT INTO territory_membership (id, territory_code, within_code, valid_from, is_certain)"
        " VALUES (gen_random_uuid(), '21002', 'nord', today_in_brussels(), true)",
    )
    async with directory.database.write(system=SystemReason.CLOCK) as session:
        assert await projection.refresh_dated(session) == 1
    assert not (await search(territory="nord"))["items"][0]["outside"]
    async with directory.database.write(system=SystemReason.CLOCK) as session:
        assert await projection.refresh_dated(session) == 0


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize(("days", "begins"), [(0, True), (1, False)])
async def test_memberships_and_coverage_begin_with_the_day_in_brussels(
    directory: Any, zone: str, days: int, begins: bool
) -> None:
    """In one of these zones it is always another day than in Brussels."""
    await directory.has(directory.service("hall"))
    day = datetime.now(BRUSSELS).date() + timedelta(days=days)
    viewer = {"viewer_organization": directory.id("organization", "host"), "viewer_function": ""}
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        connection = await session.connection()
        await connection.execute(text(f"SET LOCAL timezone = '{zone}'"))
        await connection.execute(
            text(
                "INSERT INTO territory_membership (id, territory_code, within_code, valid_from,"
                " is_certain) VALUES (gen_random_uuid(), '21002', 'nord', :day, true)"
            ),
            {"day": day},
        )
        await connection.execute(
            text(
                "INSERT INTO program_coverage (id, program_code, organization_id, territory_code,"
                " role, valid_from, source) VALUES (gen_random_uuid(), 'CHW', :viewer_organization,"
                " '21002', 'worker', :day, '')"
            ),
            {"day": day, **viewer},
        )
        above = "SELECT above FROM territory_climb WHERE code = '21002'"
        assert ("nord" in (await connection.scalars(text(above))).all()) is begins
        networks = await connection.scalar(text(f"SELECT {NETWORKS}"), viewer)
        assert ("CHW" in networks) is begins


async def test_a_language_told_by_two_codes_is_one(directory: Any, search: Any) -> None:
    told = {
        "name": {"fr": "un", "dut": "een"},
        "text_origins": {"name": {"dut": {"origin": "machine"}}},
    }
    await directory.has(directory.service("one", languages=["ar", "ara", "fr"], **told))
    (item,) = (await search())["items"]
    assert item["languages"] == ["ar", "fr"]
    # The language of a text stays as it was written, and its origin with it.
    assert item["name"].keys() >= item["text_origins"]["name"].keys() == {"dut"}
