"""One connection to a service: HTTP/1.1 as a client, one exchange at a time, on asyncio.

llhttp (httptools) reads the answers, the parser that reads requests at the other door. What it does
not decide is decided here: an answer to HEAD has no body, one without length or chunks ends with
the connection, trailers and interim answers are dropped, and a connection on which more came than
was asked for is never used again.
"""

import asyncio
from collections.abc import AsyncIterator

import httptools

from maillage_common.errors import MaillageError
from maillage_gateway.errors import ServiceBroke, ServiceTooSlow

MAX_HEAD_BYTES = 64 * 1024
# What waits here for a slow client before the service has to wait too.
MAX_WAITING_BYTES = 256 * 1024
_BODILESS = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """`is_reusable` tells, once an exchange is over, whether another may follow.

    `idle_since` is for the pool: seconds of the loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.is_closed = False
        self.idle_since = 0.0
        self._loop = loop
        self._is_busy = False
        self._is_sent = True
        self._awaits_client = False
        self._timer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._upload: asyncio.Task[None] | None = None
        self._failure: MaillageError | None = None
        self._parts: list[bytes] = []

    # --- asking -----------------------------------------------------------------------------

    async def ask(
        self,
        head: bytes,
        body: AsyncIterator[bytes] | None,
        *,
        chunked: bool,
        bodiless: bool,
        silence: float,
    ) -> None:
        """Send a request and wait for the head of its answer.

        `head` may have a short body behind it; `body` is what still comes, `bodiless` that the
        answer has none (HEAD). Raises ServiceBroke or ServiceTooSlow.
        """
        self._parser = httptools.HttpResponseParser(self)
        self.status, self.headers, self._parts = 0, [], []
        self._head_bytes = self._waiting = 0
        self._head_is_read = self.is_complete = self._is_dirty = False
        self._until_close = self._is_paused = self._stays = False
        self._bodiless, self._silence = bodiless, silence
        self._is_busy, self._is_sent = True, body is None
        self._awaits_client = body is not None
        self._deadline = self._loop.time() + silence
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()  # of an exchange that might have been silent for longer
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._watch)
        self._transport.write(head)
        if body is not None:
            self._upload = self._loop.create_task(self._send(body, chunked))
        while not self._head_is_read or self._failure is not None:
            await self._next()

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ServiceBroke when it ends early, ServiceTooSlow."""
        while True:
            if self._parts:
                yield self.taken()
            elif self.is_complete:
                return
            else:
                await self._next()

    def taken(self) -> bytes:
        """What has arrived of the body and was not taken yet."""
        parts, self._parts, self._waiting = self._parts, [], 0
        if self._is_paused:
            self._is_paused = False
            self._deadline = self._loop.time() + self._silence
            self._transport.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> bool:
        """The exchange is over, or given up; whether the connection is good for another."""
        self._is_busy = False
        good = self.is_complete and self._is_sent and not self._is_dirty and not self.is_closed
        if not good or not self._stays:
            self.close()
            return False
        return True

    def close(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
        if not self.is_closed:
            self._transport.abort()

    async def _send(self, body: AsyncIterator[bytes], chunked: bool) -> None:
        """A client that leaves or breaks a bound ends the task that asks; here it cuts the body."""
        try:
            async for part in body:
                self._awaits_client = False
                self._deadline = self._loop.time() + self._silence
                self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                if self._writable is not None:
                    await self._writable
                self._awaits_client = True
            self._awaits_client = False
            self._deadline = self._loop.time() + self._silence
            if chunked:
                self._transport.write(b"0\r\n\r\n")
            self._is_sent = True
        except Exception:
            self._transport.abort()

    async def _next(self) -> None:
        """Until something arrives. Raises what ended the connection."""
        if self._failure is not None:
            raise self._failure
        self._arrival = self._loop.create_future()
        try:
            await self._arrival
        finally:
            self._arrival = None

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _watch(self) -> None:
        """One timer for all exchanges: armed again while there is something to wait for."""
        self._timer = None
        if not self._is_busy or self.is_closed:
            return
        now = self._loop.time()
        # A client that keeps its body back is timed by `ClientBody`; the service is not to blame.
        if self._is_paused or self.is_complete or self._awaits_client:
            self._deadline = now + self._silence
        if now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._watch)
            return
        self._fail(ServiceTooSlow())

    def _fail(self, failure: MaillageError) -> None:
        if self._failure is None:
            self._failure = failure
        self._transport.abort()
        self._wake()

    # --- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if not self._is_busy:
            self._transport.abort()  # nobody asked
            return
        if not self._head_is_read:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_dirty = True
            if self.is_complete:
                self._wake()
            else:
                self._fail(ServiceBroke())
            return
        if not self._head_is_read and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(ServiceBroke())
            return
        self._deadline = self._loop.time() + self._silence
        if self._waiting > MAX_WAITING_BYTES and not self._is_paused and not self.is_complete:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._is_busy and not self.is_complete:
            if self._head_is_read and self._until_close and exc is None and not self._failure:
                self.is_complete = True
            elif self._failure is None:
                self._failure = ServiceBroke()
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ConnectionResetError())
        self._wake()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- httptools --------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        # A second answer to one request: somebody's, but not ours.
        self._is_dirty = self._is_dirty or self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the head are trailers.
        if not self._head_is_read:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self.is_complete:
            return
        self.status, self._head_is_read = status, True
        # Asked here, as llhttp has forgotten it when the answer has ended.
        self._stays = self._parser.should_keep_alive()
        # Summed up only when it may matter: a part of the body may have come with the head.
        if self._head_bytes > MAX_HEAD_BYTES and _size(self.headers) > MAX_HEAD_BYTES:
            self._fail(ServiceBroke())
            return
        if self._bodiless:
            self.is_complete = True
            return
        framing = [
            (name, value)
            for name, value in ((n.lower(), v) for n, v in self.headers)
            if name in (b"content-length", b"transfer-encoding")
        ]
        self._until_close = not framing and status not in _BODILESS
        if any(n == b"transfer-encoding" and v.lower() != b"chunked" for n, v in framing):
            self._fail(ServiceBroke())

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self._parts.append(body)
            self._waiting += len(body)

    def on_message_complete(self) -> None:
        if self._head_is_read:
            self.is_complete = True
        else:
            self.headers = []  # those of an interim answer (1xx)


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)
