"""Needs, territories and programs."""

from typing import Any

import pytest

V1 = "/directory/v1"


class TestNeeds:
    async def test_gives_the_tree_with_labels(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(
            f"{V1}/needs", headers={**as_anonymous(), "Accept-Language": "nl"}
        )
        needs = {item["code"]: item for item in answer.json()["items"]}
        assert needs["housing-emergency"]["parent"] == "housing"
        assert needs["housing"]["label"] == "Huisvesting"
        assert needs["violence"]["is_sensitive"]


class TestTerritories:
    async def test_lists_by_kind(self, directory: Any, client: Any, as_anonymous: Any) -> None:
        answer = await client.get(f"{V1}/territories?kind=basin", headers=as_anonymous())
        codes = {item["code"] for item in answer.json()["items"]}
        assert codes == {"nord", "centre-ouest", "sud", "sud-est", "nord-est"}

    async def test_one_tells_what_holds_it(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/21003", headers=as_anonymous())
        assert {item["code"] for item in answer.json()["within"]} == {"bru", "nord"}
        absent = await client.get(f"{V1}/territories/21999", headers=as_anonymous())
        assert (absent.status_code, absent.json()["code"]) == (404, "territory_not_found")


class TestResolve:
    async def test_a_postcode_of_one_basin_is_not_ambiguous(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/resolve?postcode=1020", headers=as_anonymous())
        body = answer.json()
        assert {item["code"]: item["is_certain"] for item in body["items"]} == {
            "1020": True,
            "21004": True,
            "bru": True,
            "nord": True,
        }
        assert not body["ambiguous"]

    async def test_the_pentagon_is_told_as_ambiguous(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/resolve?postcode=1000", headers=as_anonymous())
        assert answer.json()["ambiguous"]
        assert answer.json()["ambiguous_kinds"] == ["basin"]

    async def test_names_only_the_basins_that_the_postcode_itself_names(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/resolve?postcode=1000", headers=as_anonymous())
        basins = {item["code"] for item in answer.json()["items"] if item["kind"] == "basin"}
        assert basins == {"centre-ouest", "sud"}

    async def test_one_uncertain_answer_is_not_ambiguous(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/resolve?postcode=1080", headers=as_anonymous())
        certain = {item["code"]: item["is_certain"] for item in answer.json()["items"]}
        assert certain["centre-ouest"] is False
        assert not answer.json()["ambiguous"]

    @pytest.mark.parametrize(
        ("query", "status", "code"),
        [
            ("postcode=9999", 404, "postcode_not_found"),
            ("postcode=10", 422, "validation_failed"),
            ("", 422, "validation_failed"),
            ("lat=50.85", 422, "validation_failed"),
            ("postcode=1000&statistical_sector=21004A00", 422, "validation_failed"),
            ("statistical_sector=21004A00", 404, "territory_not_found"),
        ],
    )
    async def test_refuses_what_it_does_not_know(
        self, directory: Any, client: Any, as_anonymous: Any, query: Any, status: Any, code: Any
    ) -> None:
        answer = await client.get(f"{V1}/territories/resolve?{query}", headers=as_anonymous())
        assert (answer.status_code, answer.json()["code"]) == (status, code)


class TestPrograms:
    async def test_coverage_holds_on_its_days(
        self, directory: Any, client: Any, as_anonymous: Any
    ) -> None:
        await directory.has(
            {
                "type": "coverage",
                "program": "RAQ",
                "organization": str(directory.id("organization", "host")),
                "territory": "21001",
                "role": "worker",
                "valid_from": "2026-01-01",
                "valid_to": "2026-06-30",
            }
        )
        path = f"{V1}/programs/RAQ/coverage"
        inside = await client.get(f"{path}?on=2026-06-30", headers=as_anonymous())
        after = await client.get(f"{path}?on=2026-07-01", headers=as_anonymous())
        assert [item["organization_label"] for item in inside.json()["items"]] == ["host"]
        assert after.json()["items"] == []
        absent = await client.get(f"{V1}/programs/XYZ/coverage", headers=as_anonymous())
        assert (absent.status_code, absent.json()["code"]) == (404, "program_not_found")

    async def test_lists_programs(self, directory: Any, client: Any, as_anonymous: Any) -> None:
        answer = await client.get(f"{V1}/programs", headers=as_anonymous())
        assert {"RAQ", "CHW", "CPPS", "CeS"} <= {item["code"] for item in answer.json()["items"]}


@pytest.mark.parametrize("path", ["needs", "programs", "territories", "territories/21003"])
async def test_reference_data_is_not_sent_again_to_who_holds_it(
    directory: Any, client: Any, as_anonymous: Any, path: str
) -> None:
    read = await client.get(f"{V1}/{path}", headers=as_anonymous())
    held = {**as_anonymous(), "If-None-Match": read.headers["ETag"]}
    again = await client.get(f"{V1}/{path}", headers=held)
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(f"{V1}/{path}", headers={**as_anonymous(), "Accept-Language": "nl"})
    assert other.headers["Content-Language"] == "nl"
    assert (other.headers["ETag"] == read.headers["ETag"]) is (other.content == read.content)
