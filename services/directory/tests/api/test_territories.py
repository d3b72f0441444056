"""Outlines, resolving a point, dated memberships: `/directory/v1/territories`."""

from typing import Any

import pytest

PATH = "/directory/v1/territories"
# Around the Grand-Place, and a hole in its middle.
SQUARE = [[4.34, 50.84], [4.36, 50.84], [4.36, 50.86], [4.34, 50.86], [4.34, 50.84]]
HOLE = [[4.349, 50.849], [4.351, 50.849], [4.351, 50.851], [4.349, 50.851], [4.349, 50.849]]
# The same place in Belgian Lambert 72, metres.
LAMBERT = [[148000, 170000], [149500, 170000], [149500, 171500], [148000, 171500], [148000, 170000]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(code: str, *rings: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code}, "geometry": polygon(*rings)}


@pytest.fixture
def resolve(client: Any, as_anonymous: Any) -> Any:
    async def run(query: str) -> tuple[int, Any]:
        answer = await client.get(f"{PATH}/resolve?{query}", headers=as_anonymous())
        return answer.status_code, answer.json()

    return run


class TestOutlines:
    async def test_a_point_resolves_to_the_outlines_that_hold_it_and_what_is_above(
        self, directory: Any, client: Any, admin: Any, resolve: Any, as_anonymous: Any
    ) -> None:
        status, body = await resolve("lat=50.855&lon=4.345")
        assert (status, body["code"]) == (404, "point_not_covered")
        stored = await client.put(
            f"{PATH}/21003/outline", json={"geometry": polygon(SQUARE, HOLE)}, headers=admin
        )
        assert stored.status_code == 200, stored.text
        assert stored.json()["bbox"] == [4.34, 50.84, 4.36, 50.86]
        status, body = await resolve("lat=50.855&lon=4.345")
        assert {item["code"] for item in body["items"]} == {"21003", "bru", "nord"}
        unlogged = await client.post(
            f"{PATH}/resolve", json={"lat": 50.855, "lon": 4.345}, headers=as_anonymous()
        )
        assert unlogged.json() == body, "where someone is need not stand in a URL"
        assert all(item["is_certain"] for item in body["items"])
        assert not body["ambiguous"]
        assert (await resolve("lat=50.850&lon=4.350"))[0] == 404, "a hole is outside"
        assert (await resolve("lat=50.90&lon=4.345"))[0] == 404

    async def test_several_outlines_of_a_kind_are_told_as_ambiguous(
        self, directory: Any, client: Any, admin: Any, resolve: Any
    ) -> None:
        for code in ("21003", "21001"):
            await client.put(
                f"{PATH}/{code}/outline", json={"geometry": polygon(SQUARE)}, headers=admin
            )
        _, body = await resolve("lat=50.855&lon=4.345")
        assert body["ambiguous"]
        assert "commune" in body["ambiguous_kinds"]

    async def test_lambert_72_becomes_wgs_84_and_is_given_back_as_geojson(
        self, directory: Any, client: Any, admin: Any, as_anonymous: Any, resolve: Any
    ) -> None:
        await client.put(
            f"{PATH}/21004/outline",
            json={"geometry": polygon(LAMBERT), "crs": "EPSG:31370", "source": "test map"},
            headers=admin,
        )
        # The belfry of the town hall: Lambert 72 148862, 170518.
        status, body = await resolve("lat=50.8464&lon=4.3517")
        assert status == 200
        assert "21004" in {item["code"] for item in body["items"]}
        answer = await client.get(f"{PATH}/21004/outline", headers=as_anonymous())
        assert answer.headers["content-type"] == "application/geo+json"
        ring = answer.json()["geometry"]["coordinates"][0][0]
        # Corner computed with the EPSG register's operation 15929 (one metre).
        assert ring[0] == pytest.approx([4.3402, 50.8404], abs=0.0005)
        assert answer.json()["properties"]["source"] == "test map"
        held = {**as_anonymous(), "If-None-Match": answer.headers["ETag"]}
        assert (await client.get(f"{PATH}/21004/outline", headers=held)).status_code == 304
        listed = await client.get(f"{PATH}?has_outline=true", headers=as_anonymous())
        assert [item["code"] for item in listed.json()["items"]] == ["21004"]
        absent = await client.get(f"{PATH}/21005/outline", headers=as_anonymous())
        assert absent.json()["code"] == "outline_not_found"

    async def test_many_at_once_keeps_the_good_and_tells_the_others(
        self, directory: Any, client: Any, admin: Any, resolve: Any
    ) -> None:
        bow_tie = [[4.34, 50.84], [4.36, 50.86], [4.36, 50.84], [4.34, 50.86], [4.34, 50.84]]
        swapped = [[lat, lon] for lon, lat in SQUARE]
        features = [
            (feature("21003", SQUARE), None),
            (feature("210033", SQUARE), "unknown_territory"),
            (feature("", SQUARE), "territory_not_named"),
            (feature("21001", bow_tie), "outline_crosses_itself"),
            (feature("21001", SQUARE, SQUARE), "outline_crosses_itself"),
            (feature("21001", SQUARE[:-1]), "ring_not_closed"),
            (feature("21001", SQUARE[:2]), "ring_too_short"),
            (feature("21001", swapped), "axes_swapped"),
            (feature("21001", LAMBERT), "implausible_extent"),
            (feature("21001", [[4.3, 50.8], ["x", 1], [4, 5], [4.3, 50.8]]), "not_a_number"),
            (feature("21001"), "no_coordinates"),
            ({"type": "Feature", "id": "21001"}, "no_geometry"),
            ({"id": 21001, "geometry": {"type": "Point", "coordinates": [4, 50]}}, "not_a_polygon"),
        ]
        answer = await client.post(
            f"{PATH}/outlines",
            json={
                "type": "FeatureCollection",
                "name": "an export has other members too",
                "features": [one for one, _ in features],
            },
            headers=admin,
        )
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert [item["code"] for item in body["items"]] == [code for _, code in features]
        assert (body["imported"], body["rejected"]) == (1, len(features) - 1)
        assert "21003" in body["items"][1]["detail"], "near matches are told"
        assert (await resolve("lat=50.855&lon=4.345"))[0] == 200

    async def test_believes_the_reference_system_that_an_export_names(
        self, directory: Any, client: Any, admin: Any, resolve: Any
    ) -> None:
        collection = {
            "type": "FeatureCollection",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::31370"}},
            "features": [feature("21004", LAMBERT)],
        }
        answer = await client.post(f"{PATH}/outlines", json=collection, headers=admin)
        assert answer.json()["imported"] == 1
        collection["crs"]["properties"]["name"] = "urn:ogc:def:crs:EPSG::3812"  # type: ignore[index]
        answer = await client.post(f"{PATH}/outlines", json=collection, headers=admin)
        assert answer.json()["errors"][0]["code"] == "unknown_crs"

    async def test_what_is_read_may_be_written_back_and_a_geometry_alone_too(
        self, directory: Any, client: Any, admin: Any
    ) -> None:
        path = f"{PATH}/21003/outline"
        drawn = {"geometry": polygon(SQUARE), "source": "a map"}
        await client.put(path, json=drawn, headers=admin)
        read = await client.get(path, headers=admin)
        headers = {**admin, "Content-Type": "application/geo+json"}
        back = await client.put(path, content=read.content, headers=headers)
        assert back.status_code == 200, back.text
        assert (await client.get(path, headers=admin)).json() == read.json()
        alone = await client.put(path, json=read.json()["geometry"], headers=admin)
        assert alone.status_code == 200, alone.text
        after = (await client.get(path, headers=admin)).json()
        assert after["geometry"] == read.json()["geometry"]
        assert after["properties"].get("source") is None
        lambert = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::31370"}}
        metres = await client.put(path, json={**read.json(), "crs": lambert}, headers=admin)
        assert metres.status_code == 422, "degrees are no metres"
        for wrong in ({"type": "Feature", "geometry": None}, {"type": "Dragon"}):
            answer = await client.put(path, json=wrong, headers=admin)
            assert answer.status_code == 422

    async def test_an_invalid_one_alone_is_a_clear_problem_and_nothing_is_lost(
        self, directory: Any, client: Any, admin: Any, editor: Any, resolve: Any
    ) -> None:
        path = f"{PATH}/21003/outline"
        await client.put(path, json={"geometry": polygon(SQUARE)}, headers=admin)
        answer = await client.put(path, json={"geometry": polygon(SQUARE[:-1])}, headers=admin)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "ring_not_closed")
        assert (await resolve("lat=50.855&lon=4.345"))[0] == 200
        refused = await client.put(path, json={"geometry": polygon(SQUARE)}, headers=editor())
        assert refused.status_code == 403
        unknown = await client.put(
            f"{PATH}/none/outline", json={"geometry": polygon(SQUARE)}, headers=admin
        )
        assert unknown.status_code == 404


class TestMemberships:
    async def test_are_dated_and_decide_what_holds_a_territory_today(
        self, directory: Any, client: Any, admin: Any, as_anonymous: Any
    ) -> None:
        quartier = {
            "kind": "pssi_quartier",
            "name": {"fr": "Quartier du test", "nl": "Testwijk"},
            "within": [
                {"code": "21003", "valid_to": "2020-12-31"},
                {"code": "21012", "valid_from": "2021-01-01"},
                {"code": "sud", "valid_from": "2100-01-01"},
            ],
        }
        made = await client.put(f"{PATH}/q-test", json=quartier, headers=admin)
        assert made.status_code == 200, made.text
        answer = (await client.get(f"{PATH}/q-test", headers=as_anonymous())).json()
        above = {item["code"] for item in answer["within"]}
        assert "21012" in above
        assert not above & {"21003", "nord", "sud"}
        assert [item["code"] for item in answer["memberships"]] == ["21003", "21012", "sud"]
        listed = await client.get(f"{PATH}?within=21012&q=TESTWIJK", headers=as_anonymous())
        assert [item["code"] for item in listed.json()["items"]] == ["q-test"]

    async def test_nothing_holds_itself(self, directory: Any, client: Any, admin: Any) -> None:
        nord = {"kind": "basin", "name": {"fr": "Nord"}, "within": [{"code": "21003"}]}
        answer = await client.put(f"{PATH}/nord", json=nord, headers=admin)
        assert answer.json()["errors"][0]["code"] == "holds_itself"
        unknown = {**nord, "within": [{"code": "21003x"}]}
        answer = await client.put(f"{PATH}/nord", json=unknown, headers=admin)
        assert answer.json()["code"] == "unknown_territory"
        twice = {**nord, "within": [{"code": "bru"}, {"code": "bru"}]}
        answer = await client.put(f"{PATH}/nord", json=twice, headers=admin)
        assert answer.json()["errors"][0]["code"] == "membership_twice"


class TestList:
    async def test_filters_by_kind_place_day_and_name(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        async def codes(query: str) -> set[str]:
            answer = await client.get(f"{PATH}?{query}", headers=as_anonymous())
            assert answer.status_code == 200, answer.text
            return {item["code"] for item in answer.json()["items"]}

        assert "21003" in await codes("kind=commune&within=nord")
        assert "21001" not in await codes("kind=commune&within=nord")
        assert await codes("kind=commune&q=schaarbeek") == {"21015"}
        assert len(await codes("kind=commune&on=2026-01-01")) == 19
