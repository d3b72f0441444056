"""The document of the three services as they describe themselves today."""

import json
import re
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import jsonschema_rs
import pytest

from maillage_gateway import descriptions
from maillage_gateway.descriptions import _EXAMPLES, Descriptions, merge
from maillage_gateway.policy import Policy

SERVICES = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def merged():
    documents = {
        name: json.loads((SERVICES / name / "tests" / "api" / "openapi.json").read_text("utf-8"))
        for name in ("directory", "referrals", "campaigns")
    }
    return merge(documents, Policy.load(), public_url="http://127.0.0.1:8000")


def references(value):
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "$ref":
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


class TestMerged:
    def test_every_reference_leads_somewhere_and_every_component_is_needed(self, merged):
        named = {
            f"#/components/{kind}/{name}"
            for kind, members in merged["components"].items()
            if kind != "securitySchemes"
            for name in members
        }
        assert set(references(merged)) == named

    def test_no_two_schemas_or_operations_share_a_name(self, merged):
        titles = [schema["title"] for schema in merged["components"]["schemas"].values()]
        operations = [
            operation["operationId"]
            for item in merged["paths"].values()
            for operation in item.values()
        ]
        assert len(set(titles)) == len(titles)
        assert len(set(operations)) == len(operations)

    def test_groups_are_one_services_and_come_in_the_services_order(self, merged):
        groups = {
            operation["tags"][0]: path.split("/")[1].replace("hsds", "directory")
            for path, item in merged["paths"].items()
            for operation in item.values()
        }
        assert {"directory: imports", "campaigns: imports"} <= groups.keys()
        assert all(name.split(": ")[0] == service for name, service in groups.items())
        assert list(dict.fromkeys(groups.values())) == ["directory", "referrals", "campaigns"]

    @pytest.mark.parametrize("asked", sorted(_EXAMPLES))
    def test_an_example_is_what_the_operation_takes(self, merged, asked):
        method, path = asked.split(" ")
        body = merged["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
        schema = {**body["schema"], "components": merged["components"]}
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(body["example"])

    def test_the_gateways_own_refusals_are_shown_with_an_example(self, merged):
        answers = merged["paths"]["/campaigns/v1/leases"]["post"]["responses"]
        assert {"401", "403", "429", "503"} <= set(answers)
        _, _, kind, name = answers["429"]["$ref"].split("/")
        shown = merged["components"][kind][name]["content"]["application/problem+json"]["example"]
        assert (shown["status"], shown["code"]) == (429, "quota_exceeded")

    def test_the_pages_to_begin_with_name_operations_that_exist(self, merged):
        guides = resources.files("maillage_gateway").joinpath("pages", "guides")
        for guide in guides.iterdir():
            text = guide.read_text("utf-8")
            named = re.findall(r"(GET|POST) (/[a-z]+/v1/[^\s<]*)", text)
            for method, path in named:
                assert method.lower() in merged["paths"][path], (guide.name, method, path)
            for path in re.findall(r"\{url\}(/[^\s?'<]*)", text):
                assert Policy.load().methods(path), (guide.name, path)


class TestRefresh:
    @pytest.fixture
    def bodies(self):
        return {"http://d/openapi.json": b'{"paths": {"/directory/v1/needs": {"get": {}}}}'}

    @pytest.fixture
    def kept(self, bodies, monkeypatch):
        async def fetch(url, *, max_bytes):
            return bodies[url]

        monkeypatch.setattr(descriptions, "REFRESH_SECONDS", 0)
        keeper = SimpleNamespace(followers=[], policy=Policy.load(), templates={})
        source = SimpleNamespace(fetch=fetch)
        return Descriptions(keeper, {"directory": "http://d"}, source, public_url="http://g")

    async def test_what_stayed_the_same_is_not_merged_again(self, kept):
        assert await kept.merged() is await kept.merged()

    async def test_what_changed_is(self, kept, bodies):
        before = await kept.merged()
        bodies["http://d/openapi.json"] = b'{"paths": {"/directory/v1/changes": {"get": {}}}}'
        after = await kept.merged()
        assert (b"v1/needs" in before, b"v1/needs" in after) == (True, False)
        bodies["http://d/openapi.json"] = b"not json"
        assert await kept.merged() is after
