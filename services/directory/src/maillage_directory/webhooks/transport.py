"""Sending webhooks to nothing but public addresses. Of the worker alone.

The name is resolved once and the connection made to that very address, so that a name cannot answer
with a public address when it is checked and with a private one when it is used.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

import httpx

from maillage_directory.webhooks.addresses import may_reach

_DEFAULT_PORT = {"https": 443, "http": 80}
_TIMEOUT = httpx.Timeout(10)


class ForbiddenAddress(httpx.ConnectError):
    """The name leads to an address that webhooks may not reach."""


class PublicTransport(httpx.AsyncBaseTransport):
    """Sends to the addresses above only, and reads no more of an answer than its head."""

    def __init__(self, to_loopback: Callable[[], bool]) -> None:
        self._to_loopback = to_loopback

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ForbiddenAddress, or httpx's errors."""
        url = request.url
        port = url.port or _DEFAULT_PORT[url.scheme]
        address = await _resolve(url.host, port, to_loopback=self._to_loopback())
        pinned = httpx.Request(
            request.method,
            url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={
                **request.extensions,
                "sni_hostname": url.host,
                "timeout": _TIMEOUT.as_dict(),
            },
        )
        async with httpx.AsyncHTTPTransport() as inner:
            response = await inner.handle_async_request(pinned)
            await response.aclose()
        return httpx.Response(response.status_code)


async def _resolve(host: str, port: int, *, to_loopback: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except OSError:
        raise httpx.ConnectError("the name does not resolve") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        # One private answer among public ones is refused too.
        if not may_reach(ipaddress.ip_address(address), to_loopback=to_loopback):
            raise ForbiddenAddress("webhooks may not go there")
    return addresses[0]
