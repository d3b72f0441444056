"""An example for each JSON body and answer of an OpenAPI document, put together out of one table.

`examples.json` in a service's package gives values to names: to a property wherever it stands
(`handle`), to one model's property (`CardPublic.code`), to a whole model or enum whose parts would
contradict each other (`ConsentRequest`), and to what sets a path's answer apart from others of its
model (`/referrals/v1/consents/{consent_id}/withdrawal`). The schema gives the rest: a constant, a
default, null, an enum's first member. What neither gives is refused: no document comes without all
its examples. Lists and answers are objects (see the conventions), so every example is one.
"""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

Values = Mapping[str, Any]


class ExamplesMissing(Exception):
    """Names that `examples.json` has to give a value, such as `CardPublic.code`."""


def values_of(service: str) -> Values:
    """The service's table, over the one of what every service has."""
    packages = ("maillage_common", f"maillage_{service}")
    tables = (resources.files(package).joinpath("examples.json") for package in packages)
    return {
        name: value
        for table in tables
        for name, value in json.loads(table.read_text("utf-8")).items()
    }


def add_examples(document: dict[str, Any], values: Values) -> None:
    """Give every JSON body and 2xx answer its `example`; raises `ExamplesMissing`."""
    assembly = _Assembly(document.get("components", {}).get("schemas", {}), values)
    made = []
    for path, is_answer, media in json_media(document):
        own = values.get(path, {}) if is_answer else {}
        made.append((media, {**assembly.of(media.get("schema", {}), path), **own}))
    if assembly.missing:
        raise ExamplesMissing(", ".join(sorted(assembly.missing)))
    for media, example in made:
        media["example"] = example


def json_media(document: Mapping[str, Any]) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Path, whether it is an answer, and media type object of every JSON body and 2xx answer."""
    for path, item in document.get("paths", {}).items():
        for operation in item.values():
            answers = operation["responses"].items()
            described = [(False, operation.get("requestBody", {}))]
            described += [(True, answer) for status, answer in answers if status[0] == "2"]
            for is_answer, one in described:
                for kind, media in one.get("content", {}).items():
                    if kind.endswith(("/json", "+json")):
                        yield path, is_answer, media


class _Assembly:
    def __init__(self, schemas: Mapping[str, Any], values: Values) -> None:
        self._schemas, self._values = schemas, values
        self.missing: set[str] = set()

    def of(self, schema: Mapping[str, Any], name: str) -> Any:
        """The example of a schema, known as `name` when it has no name of its own."""
        if "$ref" in schema:
            model = _model_of(schema)
            whole = self._values.get(model)
            return self.of(self._schemas[model], model) if whole is None else whole
        for given in ("const", "default"):
            if given in schema:
                return schema[given]
        if "enum" in schema:
            return schema["enum"][0]
        branches = schema.get("anyOf", schema.get("oneOf"))
        if branches:
            return self.of(branches[0], name)
        if "properties" in schema:
            return dict(self._members(schema, name))
        if "items" in schema:
            return [self.of(schema["items"], name)]
        if name not in self._values and schema.get("additionalProperties") is not False:
            self.missing.add(name)
        return self._values.get(name, {})

    def _members(self, schema: Mapping[str, Any], model: str) -> Iterator[tuple[str, Any]]:
        """What must be there, and what has a value in the table."""
        for member, shape in schema["properties"].items():
            name = f"{model}.{member}"
            # The nearest to the place counts: the name alone is the least that is known of it.
            keys = (name, _model_of(shape), member)
            known = next((key for key in keys if key in self._values), None)
            if known is not None:
                yield member, self._values[known]
            elif member in schema.get("required", ()):
                is_nullable = {"type": "null"} in shape.get("anyOf", ())
                yield member, None if is_nullable else self.of(shape, name)


def _model_of(schema: Mapping[str, Any]) -> str:
    name: str = schema.get("$ref", "").rpartition("/")[2]
    return name
