"""`GET /directory/v1/services` and `POST /directory/v1/services/search`."""

from datetime import timedelta
from typing import Any

import pytest
from services.directory.tests.searching import MORNINGS, NOON, told

from maillage_common.clock import frozen_time

SERVICES = "/directory/v1/services"
ALWAYS = [
    {
        "freq": "WEEKLY",
        "byday": "MO,TU,WE,TH,FR,SA,SU",
        "opens_at": "00:00",
        "closes_at": "24:00",
    }
]


class TestFilters:
    async def test_a_parent_need_matches_its_descendants(self, directory: Any, found: Any) -> None:
        await directory.has(
            directory.service("tent", needs=["housing-emergency"]),
            directory.service("soup", needs=["food"]),
        )
        assert await found(need="housing") == ["tent"]
        assert sorted(await found(need=["housing-emergency", "food"])) == ["soup", "tent"]
        assert await found(need="housing-rent") == []

    async def test_languages_not_told_are_counted_and_left_out(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("arabic", languages=["fr", "ar"]),
            directory.service("french", languages=["fr"]),
            directory.service("silent"),
        )
        page = await search(spoken=["ar"])
        assert [item["label"] for item in page["items"]] == ["arabic"]
        assert page["total"] == 1
        assert page["unknown"] == {"spoken": 1}

    async def test_conditions_not_told_come_after_the_certain_ones(
        self, directory: Any, search: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("aaa unknown"),
            directory.service("bbb refuses", conditions={"undocumented": "no"}),
            directory.service("ccc welcomes", conditions={"undocumented": "yes"}),
        )
        page = await search(for_status="undocumented", sort="name")
        assert [item["label"] for item in page["items"]] == ["ccc welcomes", "aaa unknown"]
        assert page["items"][0]["match"]["uncertain"] == []
        assert page["items"][1]["match"]["uncertain"] == ["sans titre de séjour : inconnu"]
        assert await found(for_status="undocumented", certain_only=True) == ["ccc welcomes"]

    async def test_all_conditions_must_hold(self, directory: Any, found: Any) -> None:
        await directory.has(
            directory.service("both", conditions={"undocumented": "yes", "women": "yes"}),
            directory.service("men", conditions={"undocumented": "yes", "women": "no"}),
        )
        assert await found(for_status="undocumented", for_gender="women") == ["both"]

    async def test_filters_narrow_each_other(self, directory: Any, found: Any) -> None:
        one = {"needs": ["food"], "languages": ["ar"], "access": ["phone"], "cost": "free"}
        await directory.has(
            directory.service("all", **one),
            *(directory.service(f"not {name}", **{**one, name: []}) for name in list(one)[:3]),
        )
        asked = {"need": "food", "spoken": "ar", "access": "phone", "cost": "free"}
        assert await found(**asked) == ["all"]
        for name in asked:
            fewer = {other: value for other, value in asked.items() if other != name}
            assert len(await found(**fewer)) == (1 if name == "cost" else 2)

    async def test_ages_bound_both_ways(self, directory: Any, found: Any) -> None:
        await directory.has(
            directory.service("young", age_min=0, age_max=25),
            directory.service("old", age_min=65),
            directory.service("any"),
        )
        assert await found(for_age=20) == ["young", "any"]
        assert await found(for_age=70, certain_only=True) == ["old"]

    async def test_free_and_accessible_are_possible_when_not_told(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("free", cost="free", accessible="yes"),
            directory.service("paid", cost="paid", accessible="yes"),
            directory.service("untold"),
        )
        assert await found(cost="free", accessible=True) == ["free", "untold"]

    async def test_access_program_and_kind_take_any_of_theirs(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("a", access=["walk_in"], programs=["RAQ"], kind="self_help"),
            directory.service("b", access=["phone"]),
        )
        assert await found(access=["walk_in", "online"]) == ["a"]
        assert await found(program="RAQ") == ["a"]
        assert await found(kind=["self_help", "independent"]) == ["a"]

    async def test_a_capacity_that_has_ended_is_unknown_never_available(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(
            directory.service("room", capacity=told("capacity")),
            directory.service("stale", capacity=told("capacity", days=0.5)),
            directory.service("full", capacity=told("no_capacity")),
            directory.service("silent"),
        )
        page = await search(capacity="capacity")
        assert [item["label"] for item in page["items"]] == ["room"]
        assert page["unknown"] == {"capacity": 2}
        everything = {item["label"]: item for item in (await search())["items"]}
        assert everything["stale"]["capacity"]["status"] == "unknown"
        assert everything["stale"]["capacity"]["last_known"]["status"] == "capacity"

    async def test_never_verified_counts_as_unknown(self, directory: Any, search: Any) -> None:
        await directory.has(
            directory.service("fresh", verified_at="2026-10-02T10:00:00Z"),
            directory.service("old", verified_at="2020-10-02T10:00:00Z"),
            directory.service("never"),
        )
        page = await search(verified_since="2026-01-01T00:00:00Z")
        assert [item["label"] for item in page["items"]] == ["fresh"]
        assert page["unknown"] == {"verified_since": 1}


class TestOpenAt:
    async def test_now_is_the_clock_of_brussels(self, directory: Any, search: Any) -> None:
        await directory.has(
            directory.service("mornings", schedules=MORNINGS),
            directory.service("always", schedules=ALWAYS),
            directory.service("untold"),
        )
        with frozen_time(NOON):
            page = await search(open_at="now", sort="name")
        assert [item["label"] for item in page["items"]] == ["always", "mornings"]
        assert page["unknown"] == {"open_at": 1}
        assert "ouvert jusqu'à 12:30" in page["items"][1]["match"]["reasons"]
        with frozen_time(NOON + timedelta(hours=1)):
            page = await search(open_at="now")
        assert [item["label"] for item in page["items"]] == ["always"]

    async def test_a_public_holiday_closes_all_but_those_open_every_day(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("mornings", schedules=MORNINGS),
            directory.service("always", schedules=ALWAYS),
        )
        assert await found(open_at="2026-07-21T10:00:00+02:00") == ["always"]
        assert await found(open_at="2026-07-20T10:00:00+02:00", sort="name") == [
            "always",
            "mornings",
        ]

    async def test_a_closure_closes(self, directory: Any, found: Any) -> None:
        await directory.has(
            directory.service(
                "shut", schedules=ALWAYS, closures=[{"from": "2026-12-01", "to": "2026-12-03"}]
            )
        )
        assert await found(open_at="2026-12-03T10:00:00+01:00") == []
        assert await found(open_at="2026-12-04T10:00:00+01:00") == ["shut"]

    async def test_a_plus_sign_lost_in_the_url_is_understood(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.service("always", schedules=ALWAYS))
        answer = await client.get(
            f"{SERVICES}?open_at=2026-12-03T10:00:00+01:00", headers=as_anonymous()
        )
        assert answer.json()["total"] == 1


class TestText:
    async def test_stems_french_and_dutch_in_their_own_fields(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("x", name={"fr": "Conseils juridiques"}),
            directory.service("y", name={"nl": "Juridische adviezen"}),
        )
        assert await found(q="conseil juridique") == ["Conseils juridiques"]
        assert await found(q="juridisch advies") == ["Juridische adviezen"]

    async def test_folds_accents_and_completes_words(self, directory: Any, found: Any) -> None:
        await directory.has(directory.service("Épicerie du Canal"))
        assert await found(q="epicerie") == ["Épicerie du Canal"]
        assert await found(q="EPIC can") == ["Épicerie du Canal"]

    async def test_everyday_words_find_the_need_they_stand_for(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("teeth", needs=["dental"]),
            directory.service("night", needs=["housing-emergency"]),
        )
        assert await found(q="dentiste") == ["teeth"]
        assert await found(q="studio") == []

    async def test_forgives_a_typo_when_nothing_else_fits(
        self, directory: Any, search: Any
    ) -> None:
        await directory.has(directory.service("Dispensaire"), directory.service("Restaurant"))
        page = await search(q="dispansaire")
        assert [item["label"] for item in page["items"]] == ["Dispensaire"]
        assert "orthographe proche" in page["items"][0]["match"]["reasons"]
        assert (await search(q="zzzzzzzz"))["items"] == []

    async def test_a_hidden_service_does_not_stop_the_forgiving(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("Secours mutuels", visibility="own"),
            directory.service("Secourss"),
        )
        assert await found(q="secours") == ["Secourss"]

    async def test_name_weighs_more_than_need_more_than_description(
        self, directory: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("C", description={"fr": "logement"}),
            directory.service("Logement"),
            directory.service("B", needs=["housing"]),
        )
        assert await found(q="logement") == ["Logement", "B", "C"]

    @pytest.mark.parametrize("q", ["'", "!!", "a & | b", ":*", "\\", "%_", "(", "l'été", "  "])
    async def test_any_text_is_only_text(self, directory: Any, search: Any, q: Any) -> None:
        await directory.has(directory.service("one"))
        assert (await search(q=q))["total"] >= 0
