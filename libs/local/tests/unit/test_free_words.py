"""Where a name can be written is found wherever it stands in a document."""

from typing import Any

import pytest

from maillage_local.free_words import free_words


def document(schema: dict[str, Any], *, parameter: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Asked"}}}}
    asked = {"parameters": [parameter] if parameter else [], "requestBody": body}
    models = {"Asked": {"properties": {"it": schema}}, "Answered": {"properties": {"it": {}}}}
    return {"paths": {"/x": {"post": asked}}, "components": {"schemas": models}}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "string", "maxLength": 20},
        {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,59}$"},
        {"type": "string", "format": "binary"},
        {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "string"}}]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "patternProperties": {"^[a-z]{2}$": {"type": "string"}}},
        {"type": "object", "additionalProperties": True},
        {"title": "Anything"},
    ],
)
def test_finds_a_member_that_takes_a_word(schema: dict[str, Any]) -> None:
    assert free_words(document(schema)) == {"Asked.it"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "string", "enum": ["a"]},
        {"const": "a", "type": "string"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "pattern": "^[0-9]{1,7}$"},
        {"$ref": "#/components/schemas/Asked"},
    ],
)
def test_passes_over_a_member_that_takes_none(schema: dict[str, Any]) -> None:
    assert free_words(document(schema)) == set()


def test_finds_parameters_but_no_headers() -> None:
    for place, found in (("query", {"query q"}), ("path", {"path q"}), ("header", set())):
        parameter = {"in": place, "name": "q", "schema": {"type": "string"}}
        assert free_words(document({"type": "integer"}, parameter=parameter)) == found
