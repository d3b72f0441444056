"""The published profile HSDS-BRU: merge patches (RFC 7386), whole schemas, tabular package.

Normative: the HSDS profiles reference. A patch merged with the HSDS schema of the same name gives
the whole schema; both are derived from `objects`, so they cannot differ.
"""

from collections.abc import Mapping
from typing import Any

from maillage_directory.hsds.objects import (
    MEANINGS,
    OBJECTS,
    PROFILE_VERSION,
    SPELLED,
    VERSION,
    Member,
    Object,
)

NAME = "HSDS-BRU"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS = {"uuid": "uuid", "uri": "uri", "email": "email", "datetime": "date-time"}
_TYPES: Mapping[str, dict[str, Any]] = {
    "strings": {"type": "array", "items": {"type": "string"}},
    "array": {"type": "array"},
}
_TABULAR = {
    "uuid": ("string", "uuid"),
    "uri": ("string", "uri"),
    "email": ("string", "email"),
    "strings": ("array", "default"),
}
_PLAIN = frozenset({"string", "number", "boolean", "object", "array", "date", "datetime", "time"})


def describe(public_url: str) -> dict[str, Any]:
    """What the profile is, and where its files are."""
    here = f"{public_url}/hsds/v3/profile"
    return {
        "name": NAME,
        "title": "Human Services Data Specification, profile for Brussels",
        "version": PROFILE_VERSION,
        "hsds_version": VERSION,
        "description": "HSDS with texts in several languages, visibility, conditions, ways of"
        " access, capacity and verification. Members without a value are left out, never null."
        " Lists are ordered by id and paged by number, as HSDS does: records that come or go"
        " between two pages may move others; format=ndjson gives one consistent whole."
        " A single service or organization tells professionals its latest 100 changes as metadata,"
        " values that are no strings as JSON.",
        "modifications": [f"{here}/profile/{name}.json" for name in (*patched(), "openapi")],
        "schemas": [f"{here}/schema/{name}.json" for name in OBJECTS],
        "datapackage": f"{here}/schema/datapackage.json",
    }


def patched() -> list[str]:
    """The objects that the profile adds to."""
    return [name for name, described in OBJECTS.items() if described.ours]


def patch(name: str) -> dict[str, Any]:
    """The merge patch of one object."""
    members = OBJECTS[name].members.values()
    return {"properties": {member.name: _schema(member) for member in members if member.is_ours}}


def schema(name: str) -> dict[str, Any]:
    """The whole JSON Schema of one object; references are to files beside it."""
    described = OBJECTS[name]
    return {
        "$schema": DIALECT,
        "title": name,
        "type": "object",
        "required": [member.name for member in described.members.values() if member.is_required],
        "properties": {member.name: _schema(member) for member in described.members.values()},
    }


def strict_schema(name: str) -> dict[str, Any]:
    """One self-contained schema that knows no other member than the profile's."""
    definitions = {
        other: {**_local(schema(other)), "additionalProperties": False} for other in OBJECTS
    }
    for definition in definitions.values():
        definition.pop("$schema")
    return {"$schema": DIALECT, "$ref": f"#/$defs/{name}", "$defs": definitions}


def _local(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#/$defs/{value.removesuffix('.json')}" if key == "$ref" else _local(value)
            for key, value in node.items()
        }
    return [_local(item) for item in node] if isinstance(node, list) else node


def _schema(member: Member) -> dict[str, Any]:
    meaning = {"description": MEANINGS[member.name]} if member.is_ours else {}
    if member.listed:
        return {"type": "array", "items": {"$ref": f"{member.listed}.json"}, **meaning}
    if member.held:
        return {"$ref": f"{member.held}.json", **meaning}
    if "|" in member.kind:
        return {"type": "string", "enum": choices(member), **meaning}
    if member.kind in _FORMATS:
        return {"type": "string", "format": _FORMATS[member.kind], **meaning}
    if member.kind in ("date", "time"):
        return {"type": "string", **meaning}
    return {**_TYPES.get(member.kind, {"type": member.kind}), **meaning}


def choices(member: Member) -> list[str]:
    return [SPELLED.get(choice, choice) for choice in member.kind.split("|")]


def columns(described: Object) -> list[Member]:
    """The members of an object that a table of it has; the others are tables of their own."""
    return [m for m in described.members.values() if not m.listed and not m.held]


def datapackage(tables: Mapping[str, Object]) -> dict[str, Any]:
    """The descriptor of a tabular data package with these tables, by file name."""
    return {
        "profile": "tabular-data-package",
        "name": "hsds-bru",
        "title": f"{NAME} {PROFILE_VERSION}",
        "version": PROFILE_VERSION,
        "resources": [
            {
                "profile": "tabular-data-resource",
                "name": described.name,
                "path": f"{file}.csv",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": _table(described, {t.name for t in tables.values()}),
            }
            for file, described in tables.items()
        ],
    }


def _table(described: Object, present: set[str]) -> dict[str, Any]:
    keys = [
        {"fields": member.name, "reference": {"resource": target, "fields": "id"}}
        for member in columns(described)
        if (target := refers_to(described, member.name)) in present
    ]
    table = {"fields": [_field(member) for member in columns(described)], "primaryKey": "id"}
    return {**table, "foreignKeys": keys} if keys else table


def refers_to(described: Object, member: str) -> str:
    """The object that an `…_id` member names; empty when it names none that is told."""
    if member == "parent_id":
        return described.name
    # A parent may lie outside what the caller sees or asked for.
    if not member.endswith("_id") or member in ("parent_organization_id", "link_id"):
        return ""
    return member.removesuffix("_id")


def _field(member: Member) -> dict[str, Any]:
    kind, form = _TABULAR.get(member.kind, (member.kind, "default"))
    constraints: dict[str, Any] = {"required": member.is_required}
    if "|" in member.kind:
        kind, constraints["enum"] = "string", choices(member)
    elif kind not in _PLAIN:
        kind = "string"
    if kind == "datetime":
        form = "any"
    if member.name == "id":
        constraints["unique"] = True
    return {"name": member.name, "type": kind, "format": form, "constraints": constraints}
