"""Examples are put together from a table and the schema, or refused."""

import pytest

from maillage_common.examples import ExamplesMissing, add_examples

ID = "019a2f5c-8d13-7b40-9c6e-1e7f4a2b8c55"
CARD = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"const": "card"},
        "state": {"$ref": "#/components/schemas/State"},
        "revoked_at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tries": {"type": "integer", "default": 3},
        "note": {"type": "string"},
    },
    "required": ["id", "kind", "state", "revoked_at", "tries"],
}
PAGE = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Card"}}},
    "required": ["items"],
}


def shown(values, schema="Card"):
    """The examples of a body and of its answer."""
    media = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    operation = {
        "requestBody": {"content": {name: dict(one) for name, one in media.items()}},
        "responses": {
            "201": {"content": {name: dict(one) for name, one in media.items()}},
            "4XX": {"content": {"application/problem+json": {}}},
        },
    }
    document = {
        "paths": {"/cards": {"post": operation}},
        "components": {
            "schemas": {
                "Card": CARD,
                "Page": PAGE,
                "State": {"type": "string", "enum": ["live", "revoked"]},
            }
        },
    }
    add_examples(document, values)
    described = (operation["requestBody"], operation["responses"]["201"])
    assert "example" not in operation["responses"]["4XX"]["content"]["application/problem+json"]
    return [one["content"]["application/json"]["example"] for one in described]


def test_the_schema_gives_what_the_table_does_not():
    plain = {"id": ID, "kind": "card", "state": "live", "revoked_at": None, "tries": 3}
    assert shown({"id": ID}) == [plain, plain]
    assert shown({"id": ID}, "Page") == [{"items": [plain]}] * 2


def test_what_is_optional_is_shown_when_the_table_knows_it():
    assert shown({"id": ID, "note": "Rappeler lundi"})[0]["note"] == "Rappeler lundi"


def test_the_name_nearest_to_the_place_counts():
    values = {"id": ID, "state": "paused", "State": "revoked"}
    assert shown(values)[0]["state"] == "revoked"
    assert shown({**values, "Card.state": "live"})[0]["state"] == "live"
    assert shown({**values, "Card": {"id": "whole"}})[0] == {"id": "whole"}


def test_a_path_tells_what_sets_its_answer_apart():
    body, answer = shown({"id": ID, "/cards": {"tries": 0}})
    assert (body["tries"], answer["tries"]) == (3, 0)


def test_what_nobody_knows_is_named_and_nothing_is_shown():
    with pytest.raises(ExamplesMissing, match=r"^Card\.id$"):
        shown({})
