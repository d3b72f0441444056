"""The way to one process of a service: an interface, and a pool of connections behind it.

The interface is what any transport has to honour: the path byte for byte, streams in both
directions without holding either back, and what is cancelled here is cancelled there.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from maillage_gateway.connection import Connection
from maillage_gateway.errors import BadHeaders, ServiceUnavailable

# Below the seconds for which a service that stops still listens, and far below the 75 s for which
# it keeps an idle connection otherwise: so it is us who close first, and no request meets a close.
IDLE_SECONDS = 4.0

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

Body = bytes | AsyncIterator[bytes] | None


@dataclass(slots=True)
class UpstreamRequest:
    """What goes to a service. `target` is path and query as they came; `silence` in seconds.

    Names of headers are in lower case. `origin` and `resends` are written on the way: who was asked
    last, and how often again.
    """

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: Body
    silence: float
    origin: str = ""
    resends: int = 0


class Answer(Protocol):
    """A service's answer whose body has not been read yet."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]: ...

    def whole(self) -> bytes | None:
        """The whole body if it has arrived already, else None."""

    def parts(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ServiceBroke when it ends early, ServiceTooSlow."""

    def abandon(self) -> None:
        """Stop reading; the service sees its connection closed."""


class Upstream(Protocol):
    """One service, or one process of it."""

    async def send(self, request: UpstreamRequest) -> Answer:
        """Raises ServiceUnavailable (nothing was sent), ServiceBroke or ServiceTooSlow."""


class Load:
    """How many requests a process has in hand, their answers' bodies included."""

    __slots__ = ("requests",)

    def __init__(self) -> None:
        self.requests = 0


class PooledAnswer:
    """An answer on a connection of the pool, which gets it back when all has been read."""

    __slots__ = ("_connection", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: "Pool") -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection
        self._pool: Pool | None = pool

    def whole(self) -> bytes | None:
        if not self._connection.is_complete:
            return None
        body = self._connection.taken()
        self._leave()
        return body

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._connection.parts():
                yield part
        finally:
            self._leave()

    def abandon(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._pool is not None:
            self._pool.take_back(self._connection)
            self._pool = None


class Pool:
    """The connections to one process, for one event loop."""

    def __init__(self, base_url: str, *, connections: int, connect_seconds: float) -> None:
        self.origin = base_url.rstrip("/")
        self.load = Load()
        parts = urlsplit(self.origin)
        self._is_secure = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._is_secure else 80))
        self._prefix = parts.path.encode()
        self._written = (
            b" HTTP/1.1\r\nhost: %b\r\nuser-agent: maillage-gateway" % parts.netloc.encode()
        )
        self._connect_seconds = connect_seconds
        self._slots = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @property
    def is_full(self) -> bool:
        """Whether a request would wait for another to end."""
        return self._slots.locked()

    async def send(self, request: UpstreamRequest) -> PooledAnswer:
        """Raises ServiceUnavailable (nothing was sent), ServiceBroke or ServiceTooSlow."""
        request.origin = self.origin
        body = request.body
        stream = None if body is None or isinstance(body, bytes) else body
        head, chunked = self._head(request)
        connection = await self._take(is_new=request.resends > 0)
        try:
            await connection.ask(
                head,
                stream,
                chunked=chunked,
                bodiless=request.method == "HEAD",
                silence=request.silence,
            )
        except BaseException:
            self.take_back(connection)
            raise
        return PooledAnswer(connection, self)

    def take_back(self, connection: Connection) -> None:
        """An exchange is over. A connection that cannot be used again is closed."""
        self.load.requests -= 1
        if connection.finish():
            now = connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
            while now - self._idle[0].idle_since > IDLE_SECONDS:
                self._idle.popleft().close()
        self._slots.release()

    async def _take(self, *, is_new: bool) -> Connection:
        """A connection that was used last, or a new one; waits while all are in use.

        What is sent again goes on a new one: the kept ones may all have died with their process,
        which is seen on each only when its turn comes.
        """
        loop = asyncio.get_running_loop()
        try:
            if self._slots.locked():
                async with asyncio.timeout(self._connect_seconds):
                    await self._slots.acquire()
            else:
                await self._slots.acquire()
        except TimeoutError:
            raise ServiceUnavailable() from None
        self.load.requests += 1
        oldest = loop.time() - IDLE_SECONDS
        while self._idle and not is_new:
            connection = self._idle.pop()
            if not connection.is_closed and connection.idle_since >= oldest:
                return connection
            connection.close()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), *self._address, ssl=self._is_secure or None
                )
                return connection
        except BaseException as error:
            self.load.requests -= 1
            self._slots.release()
            if isinstance(error, (OSError, TimeoutError)):
                raise ServiceUnavailable() from None
            raise

    def _head(self, request: UpstreamRequest) -> tuple[bytes, bool]:
        """The request's head, with its body behind it if it is there; whether chunks follow."""
        names = {name for name, _ in request.headers}
        added: list[tuple[bytes, bytes]] = []
        if b"accept-encoding" not in names:
            added.append((b"accept-encoding", b"identity"))
        body, chunked = request.body, False
        if b"content-length" not in names:
            if isinstance(body, bytes):
                added.append((b"content-length", b"%d" % len(body)))
            elif body is not None:
                chunked = True
                added.append((b"transfer-encoding", b"chunked"))
            elif request.method not in _WITHOUT_BODY:
                added.append((b"content-length", b"0"))
        parts = [request.method.encode(), b" ", self._prefix, request.target, self._written]
        for name, value in (*request.headers, *added):
            parts += (b"\r\n", name, b": ", value)
        head = b"".join(parts)
        # The parser of requests lets no line break into a value; this would be the last to notice.
        if head.count(b"\n") != len(request.headers) + len(added) + 2:
            raise BadHeaders()
        parts = [head, b"\r\n\r\n"]
        return b"".join([*parts, body] if isinstance(body, bytes) else parts), chunked
