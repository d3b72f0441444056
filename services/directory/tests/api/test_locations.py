"""`/directory/v1/locations` and `/directory/v1/service-at-locations`."""

from typing import Any

import pytest

V1 = "/directory/v1"


@pytest.fixture
async def placed(directory: Any) -> Any:
    """A place shared by a public and a professional service, a confidential one, a hidden one."""
    shared = str(directory.id("location", "shared"))
    where = {"id": shared, "name": {"fr": "Maison"}, "address": {"postcode": "1080"}}
    secret = {"id": str(directory.id("location", "secret")), "name": {"fr": "Refuge"}}
    await directory.has(
        directory.service("open", locations=[{**where, "at_location": {"fr": "1er étage"}}]),
        directory.service("closed", locations=[where], visibility="professional"),
        directory.service(
            "refuge",
            locations=[{**secret, "latitude": 50.81, "longitude": 4.31, "confidential": True}],
        ),
        directory.service("own", locations=[{"name": {"fr": "Caché"}}], visibility="own"),
    )
    return directory


class TestLocations:
    async def test_lists_places_of_visible_services_and_hides_confidential_ones(
        self, placed: Any, client: Any, as_anonymous: Any, professional: Any
    ) -> None:
        answer = await client.get(f"{V1}/locations", headers=as_anonymous())
        places = {item["id"]: item for item in answer.json()["items"]}
        shared, secret = (str(placed.id("location", name)) for name in ("shared", "secret"))
        assert set(places) == {shared, secret}
        assert places[shared]["services"] == [str(placed.id("service", "open"))]
        assert places[shared]["address"]["postcode"] == "1080"
        assert places[secret]["confidential"]
        assert "Refuge" not in answer.text
        assert places[secret]["latitude"] is None
        one = await client.get(f"{V1}/locations/{shared}", headers=professional)
        assert len(one.json()["services"]) == 2
        absent = await client.get(
            f"{V1}/locations/{placed.id('location', 'none')}", headers=professional
        )
        assert (absent.status_code, absent.json()["code"]) == (404, "location_not_found")

    async def test_filters_and_pages_by_id(
        self, placed: Any, client: Any, as_anonymous: Any
    ) -> None:
        headers = as_anonymous()
        first = (await client.get(f"{V1}/locations?limit=1", headers=headers)).json()
        rest = await client.get(
            f"{V1}/locations?limit=1&cursor={first['next_cursor']}", headers=headers
        )
        assert first["items"][0]["id"] < rest.json()["items"][0]["id"]
        assert rest.json()["next_cursor"] is None
        of = await client.get(
            f"{V1}/locations?service={placed.id('service', 'open')}", headers=headers
        )
        assert [item["id"] for item in of.json()["items"]] == [str(placed.id("location", "shared"))]


class TestServiceAtLocations:
    async def test_tells_what_is_particular_there(
        self, placed: Any, client: Any, as_anonymous: Any, professional: Any
    ) -> None:
        at = f"{V1}/service-at-locations?location={placed.id('location', 'shared')}"
        (one,) = (await client.get(at, headers=as_anonymous())).json()["items"]
        assert one["description"] == {"fr": "1er étage"}
        assert one["service"] == str(placed.id("service", "open"))
        assert one["location"]["name"] == {"fr": "Maison"}
        assert len((await client.get(at, headers=professional)).json()["items"]) == 2
        alone = await client.get(f"{V1}/service-at-locations/{one['id']}", headers=as_anonymous())
        assert alone.json() == one
        absent = await client.get(
            f"{V1}/service-at-locations/{placed.id('service', 'none')}", headers=as_anonymous()
        )
        assert absent.json()["code"] == "service_at_location_not_found"
