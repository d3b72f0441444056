"""One service calling another: its own signed token, and its caller's as proof of whom for."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from maillage_common.auth import SUBJECT_TOKEN_HEADER
from maillage_common.errors import DependencyUnavailable
from maillage_common.events import CommonEvent, log
from maillage_common.tokens import TokenSigner, mint_service_token


class PeerUnavailable(DependencyUnavailable):
    code, title = "peer_unavailable", "A service this one needs is down"


class PeerRefused(Exception):
    """The other service answered with a problem document. Callers decide what it means for them."""

    def __init__(self, peer: str, status: int, code: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{peer} answered {status} {code}")
        self.status = status
        self.code = code
        self.problem = problem


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, which has no error for a peer that resets a connection as soon as it is made.

    That is what the kernel does for a process that was killed before it could accept. anyio then
    asks uvloop for a socket that is no more.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            if (error.name, error.obj) != ("getpeername", None):
                raise
            raise httpx.ConnectError("reset at once", request=request) from error


class Peer:
    """A typed client builds on this: `Peer("directory", url, signer, scopes=("directory:read",))`.

    `scopes` are all that our token may do there; acting for a person, the person's own scopes limit
    it further.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        signer: TokenSigner,
        *,
        service: str,
        scopes: tuple[str, ...],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._signer = signer
        self._service = service
        self._scopes = scopes
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(5.0, connect=2.0),
            trust_env=False,
            transport=transport or _Transport(verify=_trusted_roots(), trust_env=False),
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        caller_token: str | None,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Answer 2xx or 304; raises `PeerUnavailable` (down, too slow, unreadable, 5xx) or
        `PeerRefused` (any other).

        `caller_token` is the internal token of the person we act for; None = for ourselves.
        """
        token = mint_service_token(
            self._signer, service=self._service, audience=self.name, scopes=self._scopes
        )
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if caller_token is not None:
            sent[SUBJECT_TOKEN_HEADER] = caller_token
        try:
            response = await self._client.request(
                method, path, json=json, params=params, headers=sent
            )
        except httpx.RequestError as error:
            log(CommonEvent.PEER_DOWN, peer=self.name, error_type=type(error).__name__)
            raise PeerUnavailable from None
        if response.status_code >= 500:
            log(CommonEvent.PEER_DOWN, peer=self.name, status=response.status_code)
            raise PeerUnavailable
        if not response.is_success and response.status_code != httpx.codes.NOT_MODIFIED:
            problem = _problem(response)
            raise PeerRefused(
                self.name, response.status_code, str(problem.get("code", "")), problem
            )
        return response

    async def close(self) -> None:
        await self._client.aclose()


@cache
def _trusted_roots() -> ssl.SSLContext:
    """Read once: reading the certificates takes 40 ms, and they are the same for every peer."""
    return httpx.create_ssl_context(trust_env=False)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
