"""Where a caller of an API may write a word of their own, and so a name."""

import re
from collections.abc import Iterator
from typing import Any

CLOSED_FORMATS = frozenset({"uuid", "date", "date-time", "time"})
# A string that takes one of these takes what a caller likes to say.
WORDS = ("Jean Dupont", "jean-dupont-1974", "jean_dupont", "Jean.Dupont@example.org", "Dupont")
_INNER = ("items", "additionalProperties")


def free_words(document: dict[str, Any]) -> set[str]:
    """The body members (`Model.member`) and parameters (`query name`) of an OpenAPI document that
    take a word of the caller's own: no enum, no closed format, no pattern that refuses `WORDS`."""
    models = document["components"]["schemas"]
    found, seen = set(), set()
    pending = list(_asked(document["paths"]))
    while pending:
        place, schema = pending.pop()
        if "$ref" in schema:
            model = schema["$ref"].rpartition("/")[2]
            if model not in seen:
                seen.add(model)
                pending.append((model, models[model]))
            continue
        pending += [(f"{place}.{name}", one) for name, one in schema.get("properties", {}).items()]
        pending += [(place, one) for one in _parts(schema)]
        if _is_free(schema):
            found.add(place)
    return found


def _asked(paths: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in paths.items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] != "header":
                    yield f"{parameter['in']} {parameter['name']}", parameter["schema"]
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield path, media.get("schema", {})


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from schema.get(name, ())
    yield from schema.get("patternProperties", {}).values()
    yield from (schema[name] for name in _INNER if isinstance(schema.get(name), dict))


def _is_free(schema: dict[str, Any]) -> bool:
    if schema.get("additionalProperties") is True or not schema.keys() - {"title", "description"}:
        return True
    if schema.get("type") != "string" or {"enum", "const"} & schema.keys():
        return False
    if schema.get("format") in CLOSED_FORMATS:
        return False
    pattern = re.compile(schema.get("pattern", ""))
    return any(pattern.search(word) for word in WORDS)
