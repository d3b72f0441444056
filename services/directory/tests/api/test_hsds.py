"""The HSDS read API: every answer fits the published profile, and tells only what may be told."""

import json
from typing import Any

import jsonschema_rs
import pytest
from services.directory.tests.api.test_whole_records import SERVICE

from maillage_directory.hsds import profile
from maillage_directory.hsds.objects import OBJECTS

HSDS = "/hsds/v3"


def fits(name: str, item: Any) -> None:
    validator = jsonschema_rs.validator_for(profile.strict_schema(name), validate_formats=True)
    faults = [f"{fault.instance_path}: {fault.message}" for fault in validator.iter_errors(item)]
    assert faults == [], name


def has_null(item: Any) -> bool:
    if isinstance(item, dict):
        return any(map(has_null, item.values()))
    if isinstance(item, list):
        return any(map(has_null, item))
    return item is None


@pytest.fixture
async def whole(directory: Any) -> Any:
    """One service with every member there is, three plain ones, and some that few may see."""
    await directory.loads(
        directory.organization(
            email="host@example.org",
            identifiers=[{"scheme": "BE-KBO", "identifier": "0403.170.701"}],
        ),
        directory.service("whole", **SERVICE, needs=["dental"], action_zones=["21012"]),
        directory.service("food", needs=["food"], programs=["RAQ"]),
        directory.service("remote", needs=["food"], access=["phone"]),
        directory.service(
            "placed",
            locations=[directory.place(50.85, 4.35, address={"postcode": "1080"})],
            capacity={"status": "waitlist", "places": 0, "observed_at": "2026-11-01T08:00:00Z"},
        ),
        directory.service("professional", visibility="professional"),
        directory.service("own", visibility="own"),
    )
    return directory


@pytest.fixture
def hsds(client: Any, as_anonymous: Any) -> Any:
    async def read(path: str, headers: Any = None, **params: Any) -> Any:
        answer = await client.get(f"{HSDS}{path}", params=params, headers=headers or as_anonymous())
        assert answer.status_code == 200, answer.text
        return answer.json()

    return read


async def test_tells_its_version_profile_and_document(hsds: Any) -> None:
    for path in ("", "/"):
        told = await hsds(path)
        assert told["version"] == "3.1"
        for name in ("profile", "openapi_url"):
            found = await hsds(told[name].partition(HSDS)[2])
            assert found
    described = await hsds("/profile")
    for address in (*described["modifications"], *described["schemas"], described["datapackage"]):
        assert await hsds(address.partition(HSDS)[2])


async def test_every_answer_fits_the_profile_and_says_nothing_unknown(
    whole: Any, hsds: Any
) -> None:
    for path, name in (
        ("services", "service"),
        ("organizations", "organization"),
        ("service_at_locations", "service_at_location"),
        ("taxonomies", "taxonomy"),
        ("taxonomy_terms", "taxonomy_term"),
    ):
        for more in ({}, {"full": "true"}, {"full": "true", "full_service": "true"}):
            if ("full" in more and name.startswith("taxonomy")) or (
                "full_service" in more and name != "organization"
            ):
                continue
            page = await hsds(f"/{path}", **more)
            assert page["contents"], path
            for item in page["contents"]:
                fits(name, item)
                assert not has_null(item)
                one = await hsds(f"/{path}/{item['id']}")
                fits(name, one)
                assert one["id"] == item["id"]


def test_every_example_of_the_document_fits_the_profile(app: Any) -> None:
    shown = {
        path.removeprefix(HSDS): item["get"]["responses"]["200"]["content"]["application/json"]
        for path, item in app.openapi()["paths"].items()
        if path.startswith(HSDS)
    }
    for name, place in (
        ("service", "service_id"),
        ("organization", "organization_id"),
        ("service_at_location", "place_id"),
        ("taxonomy", "taxonomy_id"),
        ("taxonomy_term", "term_id"),
    ):
        path = "/taxonomies" if name == "taxonomy" else f"/{name}s"
        (listed,) = shown[path]["example"]["contents"]
        fits(name, listed)
        fits(name, shown[f"{path}/{{{place}}}"]["example"])


async def test_an_organization_tells_the_places_of_its_services_once(whole: Any, hsds: Any) -> None:
    (listed,) = (await hsds("/organizations", full="true"))["contents"]
    told = await hsds(f"/organizations/{listed['id']}")
    assert told["locations"] == listed["locations"]
    places = (await hsds("/service_at_locations", full="true"))["contents"]
    assert [place["id"] for place in told["locations"]] == sorted(
        {place["location_id"] for place in places}
    )
    (brief,) = (await hsds("/organizations"))["contents"]
    assert "locations" not in brief


async def test_every_page_keeps_the_envelopes_promises(whole: Any, hsds: Any) -> None:
    seen: list[str] = []
    for number in (1, 2, 3):
        page = await hsds("/services", page=number, per_page=2)
        assert (page["total_items"], page["total_pages"]) == (4, 2)
        assert page["page_number"] == number
        assert page["size"] == len(page["contents"])
        assert page["first_page"] is (number == 1)
        assert page["last_page"] is (number >= 2)
        assert page["empty"] is (number == 3)
        seen += [item["id"] for item in page["contents"]]
    assert seen == sorted(seen)
    assert len(set(seen)) == 4
    nothing = await hsds("/services", search="zzzz")
    assert nothing["total_items"] == nothing["total_pages"] == 0
    assert [nothing[name] for name in ("first_page", "last_page", "empty")] == [True] * 3


async def test_filters_add_up(whole: Any, hsds: Any) -> None:
    async def names(path: str = "/services", /, **params: Any) -> set[str]:
        page = await hsds(path, **params)
        return {item.get("name") or item["location_id"] for item in page["contents"]}

    terms = (await hsds("/taxonomy_terms", per_page=1000))["contents"]
    term = {item["code"]: item for item in terms}
    assert await names(taxonomy_term_id=term["food"]["id"]) == {"food", "remote"}
    assert await names(taxonomy_term_id=term["food"]["id"], search="REMÓTE") == {"remote"}
    above = term["dental"].get("parent_id", term["dental"]["id"])
    assert await names(taxonomy_term_id=above) == {"Permanence"}
    assert await names(taxonomy_id=term["food"]["taxonomy_id"]) == {"Permanence", "food", "remote"}
    assert await names(taxonomy_id=str(whole.id("service", "none"))) == set()
    host = str(whole.id("organization", "host"))
    assert len(await names(organization_id=host)) == 4
    assert await names(organization_id=str(whole.id("organization", "nobody"))) == set()
    assert await names(modified_after="2100-01-01T00:00:00") == set()
    assert len(await names(modified_after="2020-01-01T00:00:00Z")) == 4
    assert await names("/organizations", taxonomy_term_id=term["food"]["id"]) == {"host"}
    placed = str(whole.id("service", "placed"))
    near = await hsds("/service_at_locations", postcode="1080", proximity=20000)
    assert [item["service_id"] for item in near["contents"]] == [placed]
    assert await names("/service_at_locations", postcode="1080", proximity=1) == set()
    top = await hsds("/taxonomy_terms", top_only="true", per_page=1000)
    assert all("parent_id" not in item for item in top["contents"])
    below = await hsds("/taxonomy_terms", parent_id=term["housing"]["id"])
    assert {item["parent_id"] for item in below["contents"]} == {term["housing"]["id"]}
    minimal = await hsds("/services", minimal="true")
    assert all(set(item) == {"id", "last_modified"} for item in minimal["contents"])


async def test_the_twins_by_post_answer_the_same(
    whole: Any, client: Any, as_anonymous: Any
) -> None:
    for path in (
        "services",
        "organizations",
        "service_at_locations",
        "taxonomies",
        "taxonomy_terms",
    ):
        asked = {"url": f"{HSDS}/{path}?per_page=2", "headers": as_anonymous()}
        read, sent = await client.get(**asked), await client.post(**asked)
        assert read.json() == sent.json()


async def test_ndjson_streams_every_item(whole: Any, client: Any, as_anonymous: Any) -> None:
    for path in ("services", "organizations", "service_at_locations", "taxonomies"):
        whole_list = await client.get(
            f"{HSDS}/{path}?format=ndjson&per_page=1", headers=as_anonymous()
        )
        page = await client.get(f"{HSDS}/{path}", headers=as_anonymous())
        assert whole_list.headers["content-type"].startswith("application/x-ndjson")
        assert [json.loads(line) for line in whole_list.text.splitlines()] == (
            page.json()["contents"]
        )


async def test_shows_one_language_and_keeps_the_others_in_texts(whole: Any, hsds: Any) -> None:
    path = f"/services/{whole.id('service', 'whole')}"
    french, dutch = [await hsds(path, headers) for headers in await _readers(whole)]
    assert (french["name"], dutch["name"]) == ("Permanence", "Permanentie")
    assert dutch["description"] == SERVICE["description"]["fr"]  # type: ignore[index]
    assert french["texts"] == dutch["texts"]
    assert french["texts"]["name"] == SERVICE["name"]


async def _readers(whole: Any) -> list[dict[str, str]]:
    return [
        {**whole.anonymous, "Accept-Language": "fr"},
        {**whole.anonymous, "Accept-Language": "nl-BE,nl;q=0.9"},
    ]


@pytest.fixture(autouse=True)
def anonymous(directory: Any, as_anonymous: Any) -> None:
    directory.anonymous = as_anonymous()


async def test_a_confidential_place_is_an_id_and_nothing_else(
    whole: Any, hsds: Any, admin: Any
) -> None:
    hidden = SERVICE["locations"][1]["id"]  # type: ignore[index]
    for headers in (None, admin):
        full = await hsds(f"/services/{whole.id('service', 'whole')}", headers)
        assert "Cachée" not in json.dumps(full, ensure_ascii=False)
        place = next(p for p in full["service_at_locations"] if p["location_id"] == hidden)
        assert set(place["location"]) == {"id", "location_type", "organization_id", "confidential"}
        listed = await hsds("/service_at_locations", headers, postcode="1030", proximity=100_000)
        assert hidden not in {item["location_id"] for item in listed["contents"]}


async def test_hides_what_the_caller_may_not_see(
    whole: Any, hsds: Any, professional: Any, editor: Any
) -> None:
    path = f"/services/{whole.id('service', 'whole')}"
    public, colleague, owner = [await hsds(path, h) for h in (None, professional, editor())]
    assert ["email" in seen for seen in (public, colleague, owner)] == [False, True, True]
    assert ["funding" in seen for seen in (public, colleague, owner)] == [False, False, True]
    assert ["contacts" in seen for seen in (public, colleague, owner)] == [False, True, True]
    assert [len(seen["phones"]) for seen in (public, colleague, owner)] == [1, 2, 2]
    assert "field_visibility" not in public
    for headers, count in ((None, 4), (professional, 5), (editor(), 6)):
        assert (await hsds("/services", headers))["total_items"] == count
        host = await hsds(f"/organizations/{whole.id('organization', 'host')}", headers)
        assert len(host["services"]) == count


async def test_demonstration_records_are_in_no_public_list(
    directory: Any, hsds: Any, professional: Any
) -> None:
    await directory.has(directory.service("shown", source="demo"))
    assert (await hsds("/services"))["empty"]
    assert not (await hsds("/services", professional))["empty"]
    assert await hsds(f"/services/{directory.id('service', 'shown')}")


async def test_bad_parameters_and_unknown_ids_are_told(
    whole: Any, client: Any, as_anonymous: Any
) -> None:
    for path, status in (
        ("services?page=0", 422),
        ("services?per_page=5000", 422),
        ("services?dragon=1", 422),
        ("services?modified_after=yesterday", 422),
        ("service_at_locations?proximity=10", 422),
        ("services/no-uuid", 422),
        (f"services/{whole.id('service', 'own')}", 404),
        (f"organizations/{whole.id('service', 'own')}", 404),
        (f"taxonomies/{whole.id('service', 'own')}", 404),
        (f"taxonomy_terms/{whole.id('service', 'own')}", 404),
        ("schema/dragon.json", 404),
        ("profile/profile/metadata.json", 404),
    ):
        answer = await client.get(f"{HSDS}/{path}", headers=as_anonymous())
        assert answer.status_code == status, path


async def test_tells_professionals_what_changed_as_metadata(
    directory: Any, client: Any, hsds: Any, editor: Any, professional: Any, query_counter: Any
) -> None:
    await directory.has(
        directory.service(
            "Accueil", email="old@example.org", contacts=[{"name": "Ada"}], age_min=12, url=None
        )
    )
    service_id = str(directory.id("service", "Accueil"))
    changes = (
        {"age_min": 18, "languages": ["ar"], "contacts": [{"name": "Grace"}]},
        {"email": "new@example.org", "field_visibility": {"email": "own"}},
        {"locations": [{**directory.place(50.85, 4.35), "confidential": True}]},
    )
    for change in changes:
        headers = {**editor(), "If-Match": "*"}
        path = f"/directory/v1/services/{service_id}"
        answer = await client.patch(path, json=change, headers=headers)
        assert answer.status_code == 200, answer.text
    with query_counter() as one:
        told = await hsds(f"/services/{service_id}", headers=professional)
    with query_counter() as without:
        public = await hsds(f"/services/{service_id}")
    assert (one.count, "metadata" in public) == (without.count + 1, False)
    fits("service", told)
    owner = f"organization:{directory.id('organization', 'host')}"
    assert [
        (m["field_name"], m["previous_value"], m["replacement_value"], m["updated_by"])
        for m in sorted(told["metadata"], key=lambda m: m["field_name"])
    ] == [
        ("*", "", "", "source:test"),
        ("languages", "[]", '["ar"]', owner),
        ("minimum_age", "12", "18", owner),
    ]
    assert {m["resource_id"] for m in told["metadata"]} == {service_id, told["id"]}
    assert "Grace" not in json.dumps(told["metadata"])
    kept = await hsds(f"/organizations/{told['organization_id']}", headers=professional)
    fits("organization", kept)
    assert [m["last_action_type"] for m in kept["metadata"]] == ["create"]
    page = await hsds("/services", full="true", headers=professional)
    assert all("metadata" not in item for item in page["contents"])


async def test_an_unchanged_answer_is_not_sent_again(
    whole: Any, client: Any, as_anonymous: Any
) -> None:
    for path in ("services", f"services/{whole.id('service', 'whole')}"):
        first = await client.get(f"{HSDS}/{path}", headers=as_anonymous())
        held = {**as_anonymous(), "If-None-Match": first.headers["ETag"]}
        again = await client.get(f"{HSDS}/{path}", headers=held)
        assert (again.status_code, again.content) == (304, b"")


async def test_a_list_takes_the_same_number_of_queries_whatever_its_size(
    whole: Any, hsds: Any, query_counter: Any
) -> None:
    for path in ("/services", "/organizations", "/service_at_locations", "/taxonomy_terms"):
        counts = []
        for size in (1, 1, 100):
            with query_counter() as queries:
                await hsds(path, per_page=size)
            counts.append(queries.count)
        assert counts[1] == counts[2] <= 3, path


def test_each_merge_patch_gives_its_whole_schema() -> None:
    for name in OBJECTS:
        patch, whole_schema = profile.patch(name), profile.schema(name)
        assert set(patch["properties"]) == {
            member.name for member in OBJECTS[name].members.values() if member.is_ours
        }
        for member, shape in patch["properties"].items():
            assert whole_schema["properties"][member] == shape
            assert shape["description"]
        jsonschema_rs.meta.validate(whole_schema)
