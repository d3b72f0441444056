"""The OpenAPI 3.1 document of `/hsds/v3`: HSDS's paths and parameters; our patch on HSDS's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from maillage_common.schemas import Payload
from maillage_directory.hsds.objects import PROFILE_VERSION
from maillage_directory.hsds.schemas import (
    HsdsPage,
    OrganizationFilters,
    PageParams,
    PlaceFilters,
    ServiceFilters,
    TermParams,
)

_LISTS: Sequence[tuple[str, str, type[Payload]]] = (
    ("services", "service", ServiceFilters),
    ("organizations", "organization", OrganizationFilters),
    ("service_at_locations", "service_at_location", PlaceFilters),
    ("taxonomies", "taxonomy", PageParams),
    ("taxonomy_terms", "taxonomy_term", TermParams),
)


def document(public_url: str) -> dict[str, Any]:
    """Every path of the HSDS API specification, and those of the profile."""
    here = f"{public_url}/hsds/v3"
    paths: dict[str, Any] = {"/": {"get": _read("getAPIMetaInformation", {"type": "object"})}}
    for path, name, params in _LISTS:
        shape = {"$ref": f"{here}/schema/{name}.json"}
        page = {
            "allOf": [
                {"$ref": "#/components/schemas/Page"},
                {"properties": {"contents": {"type": "array", "items": shape}}},
            ]
        }
        given = _parameters(params)
        paths[f"/{path}"] = {
            "get": {**_read(f"list_{path}", page), "parameters": given},
            "post": {**_read(f"list_{path}_twin", page), "parameters": given},
        }
        paths[f"/{path}/{{id}}"] = {
            "parameters": [_in_path("id", {"type": "string", "format": "uuid"})],
            "get": _read(f"read_{name}", shape),
        }
    return {
        "openapi": "3.1.0",
        **_about(here),
        "paths": {**paths, **_own_paths()},
        "components": {"schemas": {"Page": _page()}},
    }


def patch(public_url: str) -> dict[str, Any]:
    """The merge patch on HSDS's own OpenAPI document: who we are, the paths we add, and a name of
    its own for each POST twin, which HSDS calls as its GET (OpenAPI asks for unique names)."""
    twins = {f"/{path}": {"post": {"operationId": f"list_{path}_twin"}} for path, _, _ in _LISTS}
    return {**_about(f"{public_url}/hsds/v3"), "paths": {**twins, **_own_paths()}}


def _about(here: str) -> dict[str, Any]:
    return {
        "info": {
            "title": "Maillage directory, HSDS read API",
            "version": PROFILE_VERSION,
            "summary": "Social and health services of Brussels, profile HSDS-BRU",
            "description": "Open without a token: the public layer. With one, what it may see."
            " Parameters add up (AND). Members without a value are left out.",
            "contact": {"name": "Maillage", "url": here},
            "license": {"name": "See the licence of each record's source"},
        },
        "servers": [{"url": here}],
    }


def _own_paths() -> dict[str, Any]:
    return {
        "/profile": {"get": _read("getProfile", {"type": "object"})},
        "/schema/{file}": {
            "parameters": [_in_path("file", {"type": "string"})],
            "get": _read("getSchema", {"type": "object"}),
        },
    }


def _read(name: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": dict(shape)}}
    return {
        "operationId": name,
        "responses": {"200": {"description": "Found", "content": content}},
    }


def _in_path(name: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": dict(shape)}


def _parameters(params: type[Payload]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": shape}
        for name, shape in params.model_json_schema()["properties"].items()
    ]


def _page() -> dict[str, Any]:
    shape = HsdsPage.model_json_schema()
    return {name: shape[name] for name in ("type", "properties", "required")}
