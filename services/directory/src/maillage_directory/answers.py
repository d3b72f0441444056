"""JSON answers that are already assembled, and their headers."""

import json
from typing import Any

from starlette.responses import JSONResponse


class JsonAnswer(JSONResponse):
    """Written as it was assembled: validating a hundred cards again would double their cost."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class GeoJsonAnswer(JsonAnswer):
    media_type = "application/geo+json"


def answer_with_tag(
    answer: Any, *, tag: str, language: str, status: int = 200, location: str | None = None
) -> JsonAnswer:
    """One resource with its ETag; `location` when it was just made."""
    headers = {"ETag": tag, "Content-Language": language, "Vary": "Accept-Language"}
    if location is not None:
        headers["Location"] = location
    return JsonAnswer(answer, status_code=status, headers=headers)
