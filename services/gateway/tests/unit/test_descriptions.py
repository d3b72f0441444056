"""The document of the three services as they describe themselves today."""

import json
import re
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import jsonschema_rs
import pytest

from maillage_common.examples import json_media
from maillage_gateway import descriptions
from maillage_gateway.descriptions import Descriptions, merge
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

    def test_every_json_body_and_answer_keeps_an_example_that_its_schema_takes(self, merged):
        told = 0
        for path, _, media in json_media(merged):
            schema = {**media.get("schema", {}), "components": merged["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            assert [error.message for error in validator.iter_errors(media["example"])] == [], path
            told += 1
        assert told > 200

    def test_a_problem_is_shown_with_an_example(self, merged):
        schemas = merged["components"]["schemas"]
        problems = [schema for name, schema in schemas.items() if name.endswith(".Problem")]
        assert len(problems) == 4
        for schema in problems:
            jsonschema_rs.Draft202012Validator(schema).validate(schema["examples"][0])

    def test_the_gateways_own_refusals_are_shown_with_an_example(self, merged):
        answers = merged["paths"]["/campaigns/v1/leases"]["post"]["responses"]
        assert {"401", "403", "429", "503"} <= set(answers)
        _, _, kind, name = answers["429"]["$ref"].split("/")
        shown = merged["components"][kind][name]["content"]["application/problem+json"]["example"]
        assert (shown["status"], shown["code"]) == (429, "quota_exceeded")

    def test_its_server_is_the_gateway_as_callers_see_it(self):
        merged = merge({}, Policy.load(), public_url="https://maillage.example/")
        assert merged["servers"] == [{"url": "https://maillage.example"}]

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
