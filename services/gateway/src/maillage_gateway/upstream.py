"""The way to one process of a service: one small interface, and aiohttp behind it.

The interface is what a faster transport would have to honour: the path byte for byte, streams in
both directions without holding either back, and what is cancelled here is cancelled there.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from multidict import CIMultiDict, istr
from yarl import URL

from maillage_gateway.errors import ServiceBroke, ServiceTooSlow, ServiceUnavailable

# Below the seconds for which a service that stops still listens, and far below the 75 s for which
# it keeps an idle connection otherwise: so it is us who close first, and no request meets a close.
IDLE_SECONDS = 4.0

_ACCEPT_ENCODING = istr("Accept-Encoding")
_CONTENT_TYPE = istr("Content-Type")
_USER_AGENT = istr("User-Agent")

Body = bytes | AsyncIterable[bytes] | None


@dataclass(slots=True)
class UpstreamRequest:
    """What goes to a service. `target` is path and query as they came; `silence` in seconds.

    `origin` and `resends` are written on the way: who was asked last, and how often again.
    """

    method: str
    target: str
    headers: list[tuple[str, str]]
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


class AiohttpAnswer:
    __slots__ = ("_load", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, load: Load) -> None:
        self._response = response
        self._load: Load | None = load
        self.status = response.status
        self.headers = response.raw_headers

    def whole(self) -> bytes | None:
        content = self._response.content
        if not content.is_eof() or content.exception() is not None:
            return None
        self._leave()
        return content.read_nowait(-1)

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.content.iter_any():
                yield part
        except TimeoutError:
            raise ServiceTooSlow() from None
        except (aiohttp.ClientError, OSError):
            raise ServiceBroke() from None
        finally:
            self._leave()

    def abandon(self) -> None:
        self._leave()
        self._response.close()

    def _leave(self) -> None:
        if self._load is not None:
            self._load.requests -= 1
            self._load = None


class AiohttpUpstream:
    """A pool of connections to one process, for one event loop."""

    def __init__(self, base_url: str, *, connections: int, connect_seconds: float) -> None:
        self.origin = base_url.rstrip("/")
        self.load = Load()
        self._connections = connections
        self._connect_seconds = connect_seconds
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=10
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        # It would resend what we count and allow ourselves; its own test client sets this too.
        self._session._retry_connection = False

    async def close(self) -> None:
        await self._session.close()

    @property
    def is_full(self) -> bool:
        """Whether a request would wait for another to end."""
        return self.load.requests >= self._connections

    async def send(self, request: UpstreamRequest) -> AiohttpAnswer:
        headers = CIMultiDict(request.headers)
        # Said here, since aiohttp would ask for compression that the client did not ask for.
        headers.setdefault(_ACCEPT_ENCODING, "identity")
        headers[_USER_AGENT] = "maillage-gateway"
        request.origin = self.origin
        self.load.requests += 1
        try:
            response = await self._session.request(
                request.method,
                URL(self.origin + request.target, encoded=True),
                headers=headers,
                data=request.body,
                skip_auto_headers=None if _CONTENT_TYPE in headers else (_CONTENT_TYPE,),
                allow_redirects=False,
                timeout=self._timeout(request.silence),
            )
        except BaseException as error:
            self.load.requests -= 1
            raise _as_problem(error) from None
        return AiohttpAnswer(response, self.load)

    def _timeout(self, silence: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(silence)
        if timeout is None:
            timeout = self._timeouts[silence] = aiohttp.ClientTimeout(
                connect=self._connect_seconds, sock_connect=self._connect_seconds, sock_read=silence
            )
        return timeout


def _as_problem(error: BaseException) -> BaseException:
    """What went wrong in our terms; cancellation, a client's fault and surprises as they are."""
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)):
        return ServiceUnavailable()
    if isinstance(error, TimeoutError):
        return ServiceTooSlow()
    if isinstance(error, (aiohttp.ClientError, OSError, asyncio.IncompleteReadError)):
        return ServiceBroke()
    return error
