"""A client's request body on its way to a service: counted, timed, tied to its presence."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.types import Receive

from maillage_common.errors import MaillageError
from maillage_gateway.errors import BodyTooLarge, BodyTooSlow
from maillage_gateway.upstream import Body

# A client that sends nothing for so long holds a connection for nothing.
SILENCE_SECONDS = 20.0
# And one that drips, after that time.
LEAST_BYTES_PER_SECOND = 1024
SHORT_BYTES = 64 * 1024


class ClientGone(Exception):
    """The client closed its connection before it had its answer."""


class ClientBody:
    """Reads what the client sends and watches whether it is still there.

    While a service is asked, `task` is cancelled as soon as the client leaves; `is_gone` then tells
    this cancellation from one that comes from outside. `refusal` is set when the body broke a
    bound.
    """

    __slots__ = (
        *("is_answered", "is_complete", "is_gone", "refusal", "_began_at", "_count", "_is_over"),
        *("_length", "_limit", "_receive", "_task", "_when_left"),
    )

    def __init__(
        self,
        receive: Receive,
        when_left: Callable[[Callable[[], None]], None],
        task: "asyncio.Task[Any]",
        *,
        length: int | None,
        chunked: bool,
        limit: int,
    ) -> None:
        """`when_left` calls what it is given when the client leaves (`maillage_common.cycle`).

        `length` is what Content-Length says, None without one; `limit` in bytes.
        """
        self.is_complete = not chunked and not length
        self._length = length
        self.is_gone = False
        self.is_answered = False
        self.refusal: MaillageError | None = None
        self._receive = receive
        self._task = task
        self._limit = limit
        self._count = 0
        self._began_at = 0.0
        self._is_over = False
        self._when_left = when_left

    def check_length(self) -> None:
        """Raises BodyTooLarge before a byte is read, when the length is told and too much."""
        if self._length is not None and self._length > self._limit:
            raise BodyTooLarge(f"At most {self._limit} bytes.")

    @property
    def may_go_on(self) -> bool:
        """Whether so much may still come that closing is better than reading to the end."""
        return not self.is_complete and (self._length is None or self._length > SHORT_BYTES)

    async def open(self) -> Body:
        """The body whole when it is there already, as a stream when it still comes, else None."""
        if self.is_complete:
            self._when_left(self._leave)
            return None
        self._began_at = time.monotonic()
        first = await self._next()
        if self.is_complete:
            self._when_left(self._leave)
            return first
        return self._stream(first)

    def close(self) -> None:
        """The request is over: who leaves from now on interrupts nothing."""
        self._is_over = True

    async def drain(self, *, limit: int, seconds: float) -> None:
        """Swallow what a refused client still sends, for a while, so that it reads our answer.

        Closing with unread bytes makes TCP reset the connection and the answer is lost.
        """
        received = 0
        try:
            async with asyncio.timeout(seconds):
                while not self.is_complete and received < limit:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    received += len(message.get("body", b""))
                    self.is_complete = not message.get("more_body", False)
        except TimeoutError:
            return

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow() from None
        if message["type"] != "http.request":
            self.is_gone = True
            raise ClientGone
        part: bytes = message.get("body", b"")
        self.is_complete = not message.get("more_body", False)
        self._count += len(part)
        if self._count > self._limit:
            raise BodyTooLarge(f"At most {self._limit} bytes.")
        due = SILENCE_SECONDS + self._count / LEAST_BYTES_PER_SECOND
        if not self.is_complete and time.monotonic() - self._began_at > due:
            raise BodyTooSlow()
        return part

    async def _stream(self, first: bytes) -> AsyncIterator[bytes]:
        try:
            if first:
                yield first
            while not self.is_complete:
                part = await self._next()
                if part:
                    yield part
        except MaillageError as refusal:
            self.refusal = refusal
            self._interrupt()
            raise
        except ClientGone:
            self._interrupt()
            raise
        self._when_left(self._leave)

    def _leave(self) -> None:
        if not self.is_answered:
            self.is_gone = True
            self._interrupt()

    def _interrupt(self) -> None:
        if not self.is_answered and not self._is_over:
            self._task.cancel()
