"""Cursor paging: opaque, signed, bound to the query that made the cursor."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from maillage_common.errors import BadRequest
from maillage_common.secrets import derive

Item = TypeVar("Item")
Row = TypeVar("Row")
Limit = Annotated[int, Query(ge=1, le=100, description="Items a page")]
Cursor = Annotated[str | None, Query(max_length=2000)]

_TAG_BYTES = 16


class InvalidCursor(BadRequest):
    code, title = "invalid_cursor", "This cursor was not made here"


class CursorOfAnotherQuery(BadRequest):
    code, title = "cursor_of_another_query", "This cursor belongs to a query with other parameters"


class Page(BaseModel, Generic[Item]):
    """One page. `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


class Cursors:
    """Makes and reads cursors. A cursor holds the keyset of the last row, never a page number."""

    def __init__(self, secret: str) -> None:
        self._key = derive(secret, "cursor")

    def encode(self, position: Sequence[Any], *, query: Any) -> str:
        """`position` and `query` are JSON values; `query` is the request without its cursor."""
        body = json.dumps([_fingerprint(query), *position], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._tag(body) + body).rstrip(b"=").decode()

    def decode(self, cursor: str, *, query: Any) -> list[Any]:
        """The position that `encode` was given."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise InvalidCursor("Start again without a cursor.") from None
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(body)):
            raise InvalidCursor("Start again without a cursor.")
        fingerprint, *position = json.loads(body)
        if fingerprint != _fingerprint(query):
            raise CursorOfAnotherQuery("Repeat the query that gave it, or start without a cursor.")
        return list(position)

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_TAG_BYTES]


def cut_page(
    rows: Sequence[Row],
    limit: int,
    *,
    key: Callable[[Row], Sequence[Any]],
    cursors: Cursors,
    query: Any,
) -> tuple[list[Row], str | None]:
    """Of rows that were asked for with one more than `limit`: the page, and the next cursor.

    `key` gives what the order is by, in JSON values.
    """
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), cursors.encode(key(rows[limit - 1]), query=query)


def _fingerprint(query: Any) -> str:
    canonical = json.dumps(query, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


async def get_cursors(request: Request) -> Cursors:
    cursors: Cursors = request.app.state.cursors
    return cursors


CursorsDep = Annotated[Cursors, Depends(get_cursors)]
