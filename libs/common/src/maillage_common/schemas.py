"""The two shapes of JSON: what comes in (unknown fields refused) and what goes out."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """A request body or a set of query parameters. Unknown fields are refused with 422."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A response body: fields listed one by one, never derived from a table."""

    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """RFC 9457 problem document, as OpenAPI shows it."""

    type: str
    title: str
    status: int
    code: str
    trace_id: str
    detail: str | None = None
    errors: list[dict[str, Any]] | None = None
