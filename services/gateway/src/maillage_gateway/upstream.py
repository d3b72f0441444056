"""The way to the services: one small interface, and aiohttp behind it.

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

# Below the 75 s for which the services keep an idle connection, so that it is us who close first.
IDLE_SECONDS = 30.0

_ACCEPT_ENCODING = istr("Accept-Encoding")
_CONTENT_TYPE = istr("Content-Type")
_USER_AGENT = istr("User-Agent")

Body = bytes | AsyncIterable[bytes] | None


@dataclass(slots=True)
class UpstreamRequest:
    """What goes to a service. `target` is path and query as they came; `silence` in seconds."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: Body
    silence: float


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
    """One service."""

    async def send(self, request: UpstreamRequest) -> Answer:
        """Raises ServiceUnavailable (nothing was sent), ServiceBroke or ServiceTooSlow."""


class AiohttpAnswer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.raw_headers

    def whole(self) -> bytes | None:
        content = self._response.content
        if not content.is_eof() or content.exception() is not None:
            return None
        return content.read_nowait(-1)

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._response.content.iter_any():
                yield part
        except TimeoutError:
            raise ServiceTooSlow() from None
        except (aiohttp.ClientError, OSError):
            raise ServiceBroke() from None

    def abandon(self) -> None:
        self._response.close()


class AiohttpUpstream:
    """A pool of connections to one service, for one event loop."""

    def __init__(self, base_url: str, *, connections: int, connect_seconds: float) -> None:
        self._origin = base_url.rstrip("/")
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

    async def close(self) -> None:
        await self._session.close()

    async def send(self, request: UpstreamRequest) -> AiohttpAnswer:
        headers = CIMultiDict(request.headers)
        # Said here, since aiohttp would ask for compression that the client did not ask for.
        headers.setdefault(_ACCEPT_ENCODING, "identity")
        headers[_USER_AGENT] = "maillage-gateway"
        try:
            response = await self._session.request(
                request.method,
                URL(self._origin + request.target, encoded=True),
                headers=headers,
                data=request.body,
                skip_auto_headers=None if _CONTENT_TYPE in headers else (_CONTENT_TYPE,),
                allow_redirects=False,
                timeout=self._timeout(request.silence),
            )
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError):
            raise ServiceUnavailable() from None
        except TimeoutError:
            raise ServiceTooSlow() from None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
            raise ServiceBroke() from None
        return AiohttpAnswer(response)

    def _timeout(self, silence: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(silence)
        if timeout is None:
            timeout = self._timeouts[silence] = aiohttp.ClientTimeout(
                connect=self._connect_seconds, sock_connect=self._connect_seconds, sock_read=silence
            )
        return timeout
