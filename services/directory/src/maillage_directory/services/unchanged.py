"""Answers 304 to callers who hold a service already, without making the service again.

What a caller sees of a record depends on the card, their layer, their language and the clock (its
hours, its capacity). So for a tag that this process gave, the rest of that minute, it is enough
that the card has not changed: one small read, and one for all who ask at the same time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.reading import Reads
from maillage_common.routing import MaillageRoute
from maillage_directory.languages import preferred
from maillage_directory.visibility import Layer, layer_of

_REMEMBERED = 20_000
_MARKS = "SELECT resource_id, changed_at FROM card WHERE resource_id = ANY (CAST(:ids AS uuid[]))"
# Who sees records of the others depends on what their organization covers today.
_STEADY = {"public", "professional"}
Held = tuple[str, str, Layer, str]


@dataclass(frozen=True)
class _Mark:
    service_id: UUID
    changed_at: datetime
    until: datetime


class Unchanged:
    """What this process told, by (tag, path's id, layer, language); one on each application."""

    def __init__(self) -> None:
        self._marks: dict[Held, _Mark] = {}
        self._asked: dict[UUID, asyncio.Future[datetime | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    def remember(self, held: Held, row: Any, capacity: dict[str, Any], now: datetime) -> None:
        """`row`: the card that was shown at `now`, with `capacity` as it was shown."""
        if not {row.visibility, row.organization_visibility} <= _STEADY:
            return
        until = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        if "valid_until" in capacity:
            until = min(until, datetime.fromisoformat(capacity["valid_until"]))
        if len(self._marks) >= _REMEMBERED:
            self._marks.clear()
        self._marks[held] = _Mark(row.resource_id, row.changed_at, until)

    async def holds(self, held: Held, reads: Reads, now: datetime) -> bool:
        """Whether that caller's tag is surely still the one they would be given."""
        mark = self._marks.get(held)
        if mark is None or now >= mark.until:
            return False
        return await self._changed_at(mark.service_id, reads) == mark.changed_at

    async def _changed_at(self, service_id: UUID, reads: Reads) -> datetime | None:
        """Read after the asking, together with what others ask while a read is under way."""
        asked = self._asked.get(service_id)
        if asked is None:
            asked = self._asked[service_id] = asyncio.get_running_loop().create_future()
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(reads))
        return await asyncio.shield(asked)

    async def _read(self, reads: Reads) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                try:
                    rows = await reads.fetch(_MARKS, {"ids": list(asked)})
                except Exception as error:
                    for future in asked.values():
                        future.set_exception(error)
                    raise
                found = {row.resource_id: row.changed_at for row in rows}
                for service_id, future in asked.items():
                    future.set_result(found.get(service_id))
        finally:
            self._reader = None


def held_by(request: Request, tag: str, service_id: str) -> Held:
    """What is remembered of this caller's answer."""
    caller: Caller = request.state.caller
    language = preferred(request.headers.get("accept-language"))
    return tag, service_id, layer_of(caller), language


class UnchangedRoute(MaillageRoute):
    """Asks `app.state.unchanged` first. For routes that are open to anyone and take no query."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

        async def ask_first(request: Request) -> Response:
            tag = request.headers.get("if-none-match")
            if tag is not None and not request.scope["query_string"]:
                held = held_by(request, tag, request.path_params["service_id"])
                state = request.app.state
                if await state.unchanged.holds(held, state.database.reads, clock.now()):
                    return not_modified_answer(tag)
            return await handle(request)

        return ask_first


def not_modified_answer(tag: str) -> Response:
    return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept-Language"})
