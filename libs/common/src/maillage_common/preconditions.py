"""ETag and If-Match (RFC 9110 section 13): no lost update, no body sent twice."""

from typing import Annotated

from fastapi import Header, Request

from maillage_common.errors import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[
    str | None, Header(description="The ETag that you read; required to change this")
]


def etag(version: int | str) -> str:
    """A strong entity tag: `"7"`."""
    return f'"{version}"'


def check_if_match(if_match: str | None, version: int | str) -> None:
    """Refuse a write that was not based on the present version (428 without, 412 stale)."""
    if if_match is None:
        raise PreconditionRequired
    if if_match.strip() != "*" and etag(version) not in _tags(if_match):
        raise PreconditionFailed("Read it again, apply your change to what is there now.")


def not_modified(request: Request, tag: str) -> bool:
    """Whether the caller's If-None-Match already holds `tag` (weak comparison): answer 304."""
    held = request.headers.get("if-none-match")
    return held is not None and (held.strip() == "*" or tag in _tags(held))


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
