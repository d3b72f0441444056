"""A confidential place changes nothing that a reader can see, whatever is asked."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from maillage_directory.search import queries

V1 = "/directory/v1"
ADDRESSES = (
    (50.8771, 4.3402, {"street": {"fr": "Rue Cachée 1"}, "postcode": "1020"}),
    (50.8009, 4.3305, {"street": {"fr": "Rue Enfouie 9"}, "postcode": "1190"}),
)
EXPORTS = ("ndjson", "geojson", "csv")


def refuge(directory: Any, place: tuple[float, float, Any], *, zones: list[str]) -> dict[str, Any]:
    latitude, longitude, address = place
    told = directory.place(latitude, longitude, address=address, confidential=True)
    return directory.service(
        "refuge", needs=["housing-emergency"], locations=[told], action_zones=zones
    )


def around(chance: random.Random) -> dict[str, Any]:
    """A search of someone who looks for the place: rings around points, orders, counts."""
    asked: dict[str, Any] = {
        "near": f"{chance.uniform(50.78, 50.9):.5f},{chance.uniform(4.3, 4.4):.5f}",
        "sort": chance.choice(["relevance", "distance", "name", "freshness"]),
        "facets": ["territory", "need"],
        "limit": chance.choice([1, 2, 10]),
    }
    if chance.random() < 0.7:
        asked["radius_m"] = chance.choice([50, 300, 2_000, 9_000, 40_000])
    if chance.random() < 0.4:
        asked["territory"] = chance.choice(["21004", "21007", "nord", "sud", "1190", "1020"])
    if chance.random() < 0.3:
        asked["certain_only"] = True
    return asked


def without_versions(value: Any) -> Any:
    """What editing moves by itself: versions and instants."""
    moving = {"version", "updated_at", "changed_at", "searched_at", "next_cursor", "last_modified"}
    if isinstance(value, dict):
        return {key: without_versions(one) for key, one in value.items() if key not in moving}
    return [without_versions(one) for one in value] if isinstance(value, list) else value


async def seen(client: Any, headers: Any, searches: list[dict[str, Any]]) -> Iterator[Any]:
    """All that these searches, the lists and the exports show."""
    shown = []
    for asked in searches:
        answer = await client.post(f"{V1}/services/search", json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        shown.append(without_versions(answer.json()))
    for kind in EXPORTS:
        answer = await client.get(f"{V1}/exports/{kind}", headers=headers)
        assert answer.status_code == 200, answer.text
        lines = answer.text.splitlines()
        if kind == "ndjson":
            shown.append([without_versions(json.loads(line)) for line in lines])
        elif kind == "geojson":
            shown.append(without_versions(json.loads(answer.text)))
        else:
            assert "Rue" not in answer.text
    return shown


@pytest.mark.parametrize("zones", [[], ["21004"]])
async def test_moving_a_confidential_place_moves_no_answer(
    directory: Any,
    client: Any,
    as_anonymous: Any,
    professional: Any,
    monkeypatch: pytest.MonkeyPatch,
    zones: list[str],
) -> None:
    chance = random.Random(2026)
    searches = [around(chance) for _ in range(60)]
    await directory.has(
        directory.service("hall", locations=[directory.place(50.8466, 4.3528)], needs=["food"]),
        directory.service("hut", locations=[directory.place(50.8771, 4.3401)], needs=["housing"]),
        directory.service("line", access=["phone"]),
    )
    answers = []
    for place in ADDRESSES:
        await directory.has(refuge(directory, place, zones=zones))
        for headers in (as_anonymous(), professional):
            answers.append(await seen(client, headers, searches))
        # The way that large directories are searched gives no more away.
        with monkeypatch.context() as patch:
            patch.setattr(queries, "LARGE", -1)
            answers.append(await seen(client, as_anonymous(), searches[:20]))
    assert answers[:3] == answers[3:]
    found = [page for page in answers[0] if "items" in page]
    assert any(item["label"] == "refuge" for page in found for item in page["items"])
    for page in found:
        for item in page["items"]:
            assert item["label"] != "refuge" or "distance_m" not in item
