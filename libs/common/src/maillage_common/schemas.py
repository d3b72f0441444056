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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "https://maillage.brussels/problems/validation_failed",
                    "title": "Some fields are not valid",
                    "status": 422,
                    "code": "validation_failed",
                    "trace_id": "0af7651916cd43dd8448eb211c80319c",
                    "detail": "See `errors` for each field.",
                    "errors": [
                        {
                            "pointer": "/needs/0",
                            "code": "string_type",
                            "detail": "Input should be a valid string",
                        }
                    ],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: str
    trace_id: str
    detail: str | None = None
    errors: list[dict[str, Any]] | None = None
