"""Quality, parity of languages, and the dashboard of a territory."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import text

from maillage_directory.quality.scoring import quality_of

PARITY = "/directory/v1/reports/parity"
_TEXTS = some.dictionaries(
    some.sampled_from(["fr", "nl", "ar"]), some.sampled_from(["é", "x" * 49, "x" * 50])
)
_LIST = some.lists(some.just("x"), max_size=1)
_STATE = some.sampled_from(["unknown", "yes", "free"])
_CARDS = some.fixed_dictionaries(
    {
        "name": _TEXTS,
        "description": _TEXTS,
        "needs": _LIST,
        "phones": _LIST,
        "access": _LIST,
        "languages": _LIST,
        "schedules": _LIST,
        "locations": some.lists(some.fixed_dictionaries({"confidential": some.booleans()})),
        "action_zones": _LIST,
        "cost": _STATE,
        "accessible": _STATE,
        "conditions": some.dictionaries(some.just("bim"), some.just("yes")),
    },
    optional={"email": some.just("a@example.org")},
)


class TestQuality:
    async def test_is_one_rule_in_python_and_in_sql(self, directory: Any) -> None:
        cards: list[tuple[dict[str, Any], bool]] = []

        @given(_CARDS, some.booleans())
        @settings(max_examples=60, deadline=None, database=None)
        def collect(card: dict[str, Any], is_verified: bool) -> None:
            cards.append((card, is_verified))

        collect()
        async with directory.database.read() as session:
            connection = await session.connection()
            rows = await connection.execute(
                text(
                    "SELECT service_quality(c->0, CASE WHEN (c->>1)::boolean THEN now() END)"
                    " FROM jsonb_array_elements(CAST(:cards AS jsonb)) WITH ORDINALITY AS x (c, n)"
                    " ORDER BY n"
                ),
                {"cards": json.dumps(cards)},
            )
            in_sql = [round(score, 3) for score in rows.scalars()]
        assert in_sql == [quality_of(card, is_verified=seen)["score"] for card, seen in cards]

    async def test_tells_professionals_what_to_fix_in_both_languages(
        self, directory: Any, client: Any, professional: Any, as_anonymous: Any, found: Any
    ) -> None:
        await directory.has(
            directory.service("poor"),
            directory.service(
                "rich",
                name={"fr": "Riche", "nl": "Rijk"},
                description={"fr": "x" * 60, "nl": "x" * 60},
                needs=["housing"],
                phones=["+3225550000"],
                access=["walk_in"],
                languages=["fr"],
                schedules=[{"byday": "MO", "opens_at": "09:00", "closes_at": "12:00"}],
                action_zones=["nord"],
                cost="free",
                conditions={"bim": "yes"},
                verified_at="2026-01-01T00:00:00Z",
            ),
        )
        path = "/directory/v1/services/{}"
        poor = path.format(directory.id("service", "poor"))
        quality = (await client.get(poor, headers=professional)).json()["quality"]
        assert quality["score"] < 0.2
        assert all(set(fault["text"]) == {"fr", "nl"} for fault in quality["to_fix"])
        assert "name_in_both" in {fault["code"] for fault in quality["to_fix"]}
        assert "quality" not in (await client.get(poor, headers=as_anonymous())).json()
        rich = path.format(directory.id("service", "rich"))
        quality = (await client.get(rich, headers=professional)).json()["quality"]
        assert quality == {"score": 1.0, "to_fix": []}
        assert await found(quality_min=0.9) == ["Riche"]


class TestParity:
    async def test_counts_each_field_by_language_among_what_is_seen(
        self, directory: Any, client: Any, professional: Any
    ) -> None:
        await directory.has(
            directory.organization("other"),
            directory.service(
                "both",
                name={"fr": "a", "nl": "b"},
                text_origins={"name": {"nl": {"origin": "machine"}}},
                action_zones=["nord"],
            ),
            directory.service("french", of="other"),
            directory.service("hidden", of="other", visibility="own"),
            directory.service("arab", of="other", name={"ar": "c"}),
        )

        async def names(**params: str) -> dict[str, int]:
            answer = await client.get(PARITY, params=params, headers=professional)
            assert answer.status_code == 200, answer.text
            rows = answer.json()["items"]
            (row,) = [r for r in rows if (r["type"], r["field"]) == ("service", "name")]
            return {name: row[name] for name in ("both", "only_fr", "only_nl", "neither")}

        assert await names() == {"both": 1, "only_fr": 1, "only_nl": 0, "neither": 1}
        other = str(directory.id("organization", "other"))
        assert await names(organization=other) == {
            "both": 0,
            "only_fr": 1,
            "only_nl": 0,
            "neither": 1,
        }
        assert (await names(territory="nord"))["both"] == 1


class TestTerritory:
    async def test_tells_offer_gaps_obstacles_and_staleness_with_few_statements(
        self, directory: Any, client: Any, professional: Any, query_counter: Any
    ) -> None:
        await directory.has(
            directory.service(
                "housing",
                needs=["housing"],
                locations=[{"address": {"postcode": "1090"}}],
                capacity={
                    "status": "capacity",
                    "observed_at": "2026-01-01T00:00:00Z",
                    "valid_until": "2126-01-01T00:00:00Z",
                },
                verified_at="2020-01-01T00:00:00Z",
            ),
            directory.service("zone", needs=["housing"], action_zones=["nord"]),
            directory.service("hidden", needs=["dental"], action_zones=["nord"], visibility="own"),
            directory.service("far", needs=["dental"], action_zones=["sud"]),
            {
                "type": "observation",
                "id": str(directory.id("observation", "gap")),
                "source": "test",
                "kind": "gap",
                "need": "dental",
                "territory": "21010",
                "count": 3,
            },
        )
        path = "/directory/v1/reports/territories/nord"
        await client.get(path, headers=professional)
        with query_counter() as queries:
            answer = await client.get(path, headers=professional)
        assert queries.count == 3
        report = answer.json()
        offer = {(o["need"], o["territory"]): o for o in report["offer"]}
        assert offer["housing", "nord"]["services"] == 2
        assert offer["housing", "nord"]["with_capacity"] == 1
        assert offer["housing", "21010"]["services"] == 1
        assert ("dental", "nord") not in offer
        assert "dental" in report["uncovered"]
        assert report["met"] == [
            {
                "kind": "gap",
                "need": "dental",
                "obstacle": None,
                "observations": 1,
                "happened": 3,
            }
        ]
        assert report["staleness"] == {
            "services": 2,
            "never_verified": 1,
            "over_half_a_year": 1,
            "over_a_year": 1,
            "capacity_expired": 0,
        }
        missing = await client.get(f"{path}d", headers=professional)
        assert missing.json()["code"] == "territory_not_found"
