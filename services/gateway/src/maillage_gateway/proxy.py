"""The data path: one request from a caller to a service and its answer back. Raw ASGI.

The order is: path, route, headers, caller, meter, scope, body, service. Each step either passes or
raises a `MaillageError`, which becomes a problem document in `__call__` and nowhere else.
"""

import asyncio
import time
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote_to_bytes, urlsplit

from multidict import istr
from starlette.types import Receive, Scope, Send

from maillage_common.errors import (
    InsufficientScope,
    InternalError,
    MaillageError,
    MethodNotAllowed,
)
from maillage_common.events import CommonEvent, log
from maillage_gateway.admission import Admission, Admissions
from maillage_gateway.body import ClientBody, ClientGone
from maillage_gateway.errors import (
    AddressTooLong,
    BadPath,
    MachinesRefused,
    QuotaExceeded,
    TokenInQuery,
    TokenMissing,
    UnknownRoute,
)
from maillage_gateway.exchange import HTTPS_ONLY, SAFE_HEADERS, Exchange
from maillage_gateway.headers import HeaderRules, RequestHead
from maillage_gateway.issuers import KeyRing
from maillage_gateway.meter import Meters
from maillage_gateway.paths import MAX_PATH_BYTES, PathTree, is_normal
from maillage_gateway.policy import REFUSED_METER, Policy, Route
from maillage_gateway.tracing import Tracing
from maillage_gateway.upstream import Answer, Upstream, UpstreamRequest

MAX_QUERY_BYTES = 8192
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})
_TOKEN_PARAMETERS = frozenset({b"access_token", b"id_token", b"bearer_token", b"authorization"})
_AUTHORIZATION = istr("Authorization")
_CONTENT_LENGTH = istr("Content-Length")
_REQUEST_ID = istr("X-Request-Id")
_TRACEPARENT = istr("traceparent")
# What nginx made the custom for a client that left; it is counted and never sent.
CLIENT_CLOSED = 499


class Proxy:
    """ASGI application that answers every request by asking a service, or by refusing."""

    def __init__(
        self,
        *,
        policy: Policy,
        upstreams: Mapping[str, Upstream],
        admissions: Admissions,
        keys: KeyRing,
        tracing: Tracing,
        templates: Mapping[str, PathTree[str]],
        public_url: str,
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
        max_header_bytes: int = 32 * 1024,
    ) -> None:
        """`templates` maps a method to the paths that the services document, once known."""
        self._policy = policy
        self._upstreams = upstreams
        self._admissions = admissions
        self._keys = keys
        self._tracing = tracing
        self._templates = templates
        self._meters = Meters(policy.meters)
        self._rules = HeaderRules(policy.forwarded_headers, max_bytes=max_header_bytes)
        self._trusted_proxies = trusted_proxies
        scheme, host, *_ = urlsplit(public_url)
        # The caller's address is left out: no service has a use for it.
        self._forwarding = [
            (istr("X-Forwarded-Proto"), scheme),
            (istr("X-Forwarded-Host"), host),
        ]
        self._safe_headers = [*SAFE_HEADERS, *([HTTPS_ONLY] if scheme == "https" else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        traceparent = next((v for n, v in scope["headers"] if n == b"traceparent"), None)
        trace = self._tracing.begin(traceparent)
        exchange = Exchange(send, trace, scope["method"], self._safe_headers)
        try:
            await self._answer(exchange, scope, receive)
        except MaillageError as refusal:
            await exchange.refuse(refusal)
        except ClientGone:
            exchange.error = "client_gone"
        except asyncio.CancelledError:
            if not await self._interrupted(exchange):
                raise
        except Exception as error:
            log(CommonEvent.UNHANDLED, error_type=type(error).__name__)
            await exchange.refuse(InternalError())
        finally:
            if exchange.body is not None:
                exchange.body.close()
            self._finish(exchange)

    async def _answer(self, exchange: Exchange, scope: Scope, receive: Receive) -> None:
        path = _read_path(scope)
        method = exchange.method
        if method == "OPTIONS":
            await self._answer_options(exchange, path)
            return
        route = self._policy.find(method, path)
        if route is None:
            raise self._unknown(path)
        exchange.route = route
        exchange.template = self._template(method, path, route)
        head = self._rules.read(scope["headers"])
        body = exchange.body = _incoming(receive, method, route, head)
        admission = await self._admit(exchange, route, scope, head)
        exchange.client_id = admission.client_id
        _authorize(admission, route)
        body.check_length()
        request = UpstreamRequest(
            method,
            _target(scope),
            self._passed_headers(exchange, head, admission, route.service),
            await body.open(),
            route.silence,
        )
        await self._forward(exchange, request, route.service)

    def _unknown(self, path: str) -> MaillageError:
        methods = list(self._policy.methods(path))
        return (
            MethodNotAllowed(headers={"Allow": ", ".join(methods)}) if methods else UnknownRoute()
        )

    def _template(self, method: str, path: str, route: Route) -> str:
        """The documented form of the path, or the policy's: bounded, and never with an id in it."""
        tree = self._templates.get(method)
        return (tree.find(path) if tree else None) or route.path

    async def _answer_options(self, exchange: Exchange, path: str) -> None:
        methods = list(self._policy.methods(path))
        if not methods:
            raise UnknownRoute()
        exchange.template = "options"
        found = ((name, self._policy.find(name, path)) for name in methods)
        await exchange.allow(methods, [name for name, route in found if route and route.cors])

    async def _admit(
        self, exchange: Exchange, route: Route, scope: Scope, head: RequestHead
    ) -> Admission:
        authorization = head.own.get(b"authorization")
        if authorization is None:
            if not route.anonymous:
                raise TokenMissing()
            address = self._address(scope, head)
            exchange.reading = self._meters.count_stranger(route.meter, address, time.monotonic())
            admission = self._admissions.anonymous
        else:
            admission = await self._admit_token(exchange, authorization, scope, head)
            exchange.reading = self._meters.count_client(
                route.meter, admission.client_id, time.monotonic()
            )
        if exchange.reading.retry_after is not None:
            raise QuotaExceeded()
        return admission

    async def _admit_token(
        self, exchange: Exchange, authorization: bytes, scope: Scope, head: RequestHead
    ) -> Admission:
        try:
            return await self._admissions.admit(authorization, self._keys)
        except MaillageError:
            address = self._address(scope, head)
            reading = self._meters.count_stranger(REFUSED_METER, address, time.monotonic())
            if reading.retry_after is None:
                raise
            exchange.reading = reading
        raise QuotaExceeded()

    def _address(self, scope: Scope, head: RequestHead) -> str:
        """The caller's address; that of a trusted proxy is replaced by what the proxy tells."""
        client = scope.get("client")
        address = str(client[0]) if client else ""
        forwarded = head.own.get(b"x-forwarded-for")
        if forwarded is None or not self._trusted_proxies:
            return address
        hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",")]
        while hops and self._is_trusted(address):
            address = hops.pop()
        return address

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted_proxies)

    def _passed_headers(
        self, exchange: Exchange, head: RequestHead, admission: Admission, service: str
    ) -> list[tuple[str, str]]:
        headers = head.passing
        headers += self._forwarding
        if head.length is not None:
            headers.append((_CONTENT_LENGTH, str(head.length)))
        headers.append(
            (_AUTHORIZATION, self._admissions.internal_authorization(admission, service))
        )
        headers.append((_REQUEST_ID, exchange.trace.trace_id))
        traceparent = exchange.trace.call(self._tracing.tracer, exchange.method, service)
        headers.append((_TRACEPARENT, traceparent))
        return headers

    async def _forward(self, exchange: Exchange, request: UpstreamRequest, service: str) -> None:
        answer: Answer | None = None
        try:
            answer = await self._upstreams[service].send(request)
            await exchange.pass_back(answer)
            answer = None
        finally:
            if answer is not None:
                answer.abandon()

    async def _interrupted(self, exchange: Exchange) -> bool:
        """Whether the task was cancelled by the client's leaving or its body, not from outside."""
        body = exchange.body
        if body is None or not (body.is_gone or body.refusal):
            return False
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        if body.refusal is not None:
            await exchange.refuse(body.refusal)
        else:
            exchange.error = "client_gone"
            exchange.trace.called(0, "client_gone")
        return True

    def _finish(self, exchange: Exchange) -> None:
        trace = exchange.trace
        seconds = time.perf_counter() - trace.started
        method, route, status = exchange.method, exchange.template, exchange.status or CLIENT_CLOSED
        self._tracing.count(seconds, method, route, status)
        trace.end(method, route, status, exchange.error, exchange.client_id)
        if status >= 400:
            log(
                CommonEvent.REQUEST,
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                request_id=trace.trace_id,
                error=exchange.error,
            )


def _read_path(scope: Scope) -> str:
    raw_path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    if len(raw_path) > MAX_PATH_BYTES or len(query) > MAX_QUERY_BYTES:
        raise AddressTooLong()
    if not is_normal(raw_path):
        raise BadPath("Write the path without //, dot segments, ;, \\ or needless % escapes.")
    if query and _has_token(query):
        raise TokenInQuery()
    return raw_path.decode("ascii")


def _has_token(query: bytes) -> bool:
    names = (pair.partition(b"=")[0] for pair in query.split(b"&"))
    return any(unquote_to_bytes(name).lower() in _TOKEN_PARAMETERS for name in names)


def _target(scope: Scope) -> str:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("ascii")


def _authorize(admission: Admission, route: Route) -> None:
    if admission.is_machine and not route.machines:
        raise MachinesRefused()
    if not route.anonymous and route.scopes.isdisjoint(admission.scopes):
        wanted = " ".join(sorted(route.scopes))
        raise InsufficientScope(
            f"Ask for a token with one of these scopes: {wanted}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'},
        )


def _incoming(receive: Receive, method: str, route: Route, head: RequestHead) -> ClientBody:
    task = asyncio.current_task()
    assert task is not None
    limit = 0 if method in _BODILESS else route.body
    return ClientBody(receive, task, length=head.length, chunked=head.chunked, limit=limit)
