"""JSON answers that are already assembled, and their headers."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import JSONResponse

from maillage_common.preconditions import etag
from maillage_directory.tags import card_tag


class JsonAnswer(JSONResponse):
    """Written as it was assembled: validating a hundred cards again would double their cost."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class GeoJsonAnswer(JsonAnswer):
    media_type = "application/geo+json"


def answer_one(answer: BaseModel, *, version: int, language: str, **made: Any) -> JsonAnswer:
    """One resource with its ETag; `made` as `answer_with_tag`."""
    body = answer.model_dump(mode="json")
    return answer_with_tag(body, tag=card_tag(version, body), language=language, **made)


def answer_whole(
    answer: Any, language: str, *, response_class: type[JsonAnswer] = JsonAnswer
) -> JsonAnswer:
    """With a tag over the whole body: for what has no version of its own."""
    made = response_class(
        answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
    )
    tag = etag(hashlib.sha256(bytes(made.body)).hexdigest()[:24])
    made.headers.update({"ETag": tag, "Vary": "Accept-Language", "Content-Language": language})
    return made


def answer_with_tag(
    answer: Any, *, tag: str, language: str, status: int = 200, location: str | None = None
) -> JsonAnswer:
    """One resource with its ETag; `location` when it was just made."""
    headers = {"ETag": tag, "Content-Language": language, "Vary": "Accept-Language"}
    if location is not None:
        headers["Location"] = location
    return JsonAnswer(answer, status_code=status, headers=headers)
