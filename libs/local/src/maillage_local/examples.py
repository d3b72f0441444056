"""Whether the examples of a service's OpenAPI document are there, and what they are said to be."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from fastapi import FastAPI
from fastapi.routing import APIRoute

from maillage_common.examples import json_media, values_of


def example_faults(app: FastAPI) -> list[str]:
    """A JSON body or 2xx answer without an example, an example that its schema forbids, one that
    the route itself would refuse, and a value whose name is gone from the document: a line each."""
    document = app.openapi()
    return [
        *_against_schemas(document),
        *_against_routes(app, document["paths"]),
        *sorted(values_of(app.state.service).keys() - _names(document)),
    ]


def _against_schemas(document: dict[str, Any]) -> Iterator[str]:
    for path, is_answer, media in json_media(document):
        place = f"{path} {'answer' if is_answer else 'body'}"
        if "example" not in media:
            yield f"{place}: no example"
            continue
        schema = {**media.get("schema", {}), "components": document["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for error in validator.iter_errors(media["example"]):
            yield f"{place}{error.instance_path}: {error.message}"


def _against_routes(app: FastAPI, paths: dict[str, Any]) -> Iterator[str]:
    """What a schema cannot tell: a body is held to the checks between its fields too."""
    for route in app.routes:
        if not isinstance(route, APIRoute) or route.body_field is None:
            continue
        for method in route.methods or ():
            body = paths[route.path][method.lower()]["requestBody"]["content"]
            _, errors = route.body_field.validate(body["application/json"]["example"])
            for error in errors:
                yield f"{method} {route.path}{error['loc']}: {error['msg']}"


def _names(document: dict[str, Any]) -> set[str]:
    """What a value may be given to: paths, models, properties, and properties of one model."""
    models = document["components"]["schemas"]
    properties = {
        spelling
        for model, schema in models.items()
        for name in schema.get("properties", ())
        for spelling in (name, f"{model}.{name}")
    }
    return {*document["paths"], *models, *properties}
