"""A confidential place changes nothing that a reader can see, whatever is asked."""

import io
import random
import re
import zipfile
from typing import Any

import pytest

from maillage_directory import vocabulary
from maillage_directory.search.estimates import Outlook

V1 = "/directory/v1"
ADDRESSES = (
    (50.8771, 4.3402, {"street": {"fr": "Rue Cachée 1"}, "postcode": "1020"}),
    (50.8009, 4.3305, {"street": {"fr": "Rue Enfouie 9"}, "postcode": "1190"}),
)
# Every way out but the search: about both places, the territories they lie in, and others.
WAYS = (
    *(f"{V1}/exports/{form}" for form in ("ndjson", "csv", "xlsx", "geojson", "hsds")),
    *(f"{V1}/exports/ndjson?territory={code}" for code in ("nord", "21004", "21007")),
    *(f"{V1}/{noun}?limit=100" for noun in ("changes", "collections", "organizations")),
    *(f"{V1}/{noun}?limit=100" for noun in ("locations", "service-at-locations", "rotas")),
    *(f"{V1}/{noun}?from=2026-12-01&to=2026-12-02" for noun in ("events", "exports/ics")),
    f"{V1}/events.ics?from=2026-12-01&to=2026-12-02",
    *(f"{V1}/territories/{code}/offline?audience=professional" for code in ("nord", "21007")),
    *(f"/hsds/v3/{noun}?full=true" for noun in ("services", "service_at_locations")),
    "/hsds/v3/organizations?full_service=true",
    *(
        f"/hsds/v3/service_at_locations?postcode={postcode}&proximity={metres}"
        for postcode in ("1020", "1190", "1000")
        for metres in (100, 5_000, 50_000)
    ),
    *(f"/hsds/v3/services?search={word}" for word in ("rue", "1020")),
)
FOR_PROFESSIONALS = tuple(f"{V1}/reports/territories/{code}" for code in ("nord", "21007"))
# What editing moves by itself: instants, versions, and what is derived from them.
_MOVING = re.compile(
    r'\d{4}-?\d\d-?\d\dT[\d:.]+(Z|[+]\d\d:\d\d)?|"version":\s*\d+|"next_cursor":\s*"[^"]*"'
    r"|SEQUENCE:\d+"
)


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


async def seen(client: Any, headers: Any, searches: list[dict[str, Any]], ways: Any) -> list[str]:
    """All that these searches and ways show, as texts."""
    shown = []
    for asked in searches:
        answer = await client.post(f"{V1}/services/search", json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        shown.append(_MOVING.sub("", answer.text))
    for way in ways:
        answer = await client.get(way, headers=headers)
        assert answer.status_code == 200, (way, answer.text)
        told = answer.text
        if answer.content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                told = "".join(archive.read(name).decode() for name in archive.namelist())
        assert "Cachée" not in told, way
        assert "Enfouie" not in told, way
        shown.append(f"{way} {_MOVING.sub('', told)}")
    return shown


@pytest.fixture
def hide(directory: Any, client: Any, admin: Any) -> Any:
    """Puts the refuge, and what is held there, at a place."""
    host = str(directory.id("organization", "host"))

    async def put(place: tuple[float, float, Any], *, zones: list[str], event: str | None) -> str:
        await directory.has(refuge(directory, place, zones=zones))
        latitude, longitude, address = place
        held = {
            "organization": host,
            "name": {"fr": "atelier"},
            "kind": "workshop",
            "visibility": "public",
            "starts_at": "2026-12-01T10:00:00+01:00",
            "ends_at": "2026-12-01T12:00:00+01:00",
            "place": {
                "latitude": latitude,
                "longitude": longitude,
                "confidential": True,
                **address,
            },
        }
        url, method = (f"{V1}/events", "POST") if event is None else (event, "PUT")
        answer = await client.request(
            method, url, json=held, headers={**admin, "If-Match": "*"} if event else admin
        )
        assert answer.is_success, answer.text
        return f"{V1}/events/{answer.json()['id']}"

    return put


@pytest.mark.parametrize("zones", [[], ["21004"]])
async def test_moving_a_confidential_place_moves_no_answer(
    directory: Any,
    client: Any,
    as_anonymous: Any,
    professional: Any,
    admin: Any,
    hide: Any,
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
    event, ways = None, list(WAYS)
    answers: list[list[list[str]]] = []
    for place in ADDRESSES:
        event = await hide(place, zones=zones, event=event)
        if len(answers) == 0:
            ways += [event, *await gathered(directory, client, admin)]
        await directory.settles()
        shown = [
            await seen(client, as_anonymous(), searches, ways),
            await seen(client, professional, searches, [*ways, *FOR_PROFESSIONALS]),
        ]
        # The way that large directories are searched gives no more away.
        with monkeypatch.context() as patch:
            patch.setattr(vocabulary, "LARGE", -1)
            patch.setattr(Outlook, "first", lambda _, tiers: 0)
            shown.append(await seen(client, as_anonymous(), searches[:20], ()))
        answers.append(shown)
    for before, after in zip(*answers, strict=True):
        for one, other in zip(before, after, strict=True):
            assert one == other
    told = "".join(answers[0][0])
    assert '"label":"refuge"' in told
    assert "atelier" in told


async def gathered(directory: Any, client: Any, admin: Any) -> list[str]:
    """A rota, and a collection to read and to print, that the refuge is in."""
    service = str(directory.id("service", "refuge"))
    named = {"organization": str(directory.id("organization", "host"))}
    turn = {"service": service, "on": "2026-12-25", "opens_at": "09:00", "closes_at": "10:00"}
    listed = {"title": {"fr": "liste"}, "visibility": "public", "items": [{"service": service}]}
    urls = [f"{V1}/services/{service}", f"/hsds/v3/services/{service}"]
    for noun, body in (
        ("rotas", {"name": {"fr": "garde"}, "turns": [turn]}),
        ("collections", listed),
    ):
        made = await client.post(f"{V1}/{noun}", json={**named, **body}, headers=admin)
        assert made.status_code == 201, made.text
        urls.append(f"{V1}/{noun}/{made.json()['id']}")
    return [*urls, f"{urls[-1]}/print"]


async def test_no_ring_about_a_confidential_place_has_a_distance(
    directory: Any, hide: Any, search: Any
) -> None:
    await hide(ADDRESSES[0], zones=[], event=None)
    for radius in (1, 100, 100_000):
        (item,) = (await search(near="50.8771,4.3402", radius_m=radius, sort="distance"))["items"]
        assert "distance_m" not in item
        assert item["locations"] == [{"id": item["locations"][0]["id"], "confidential": True}]
