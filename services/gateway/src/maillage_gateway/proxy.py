"""The data path: one request from a caller to a service and its answer back. Raw ASGI.

`door` decides first; then body and service. Each step either passes or raises a `MaillageError`,
which becomes a problem document: in `__call__`, or in `answer_at_once` when the door refuses a
request without a body, since what only is refused needs no task and has to be cheap in a flood.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from maillage_common.cycle import write_head
from maillage_common.errors import InternalError, MaillageError
from maillage_common.events import CommonEvent, describe, log
from maillage_common.telemetry import CLIENT_CLOSED
from maillage_gateway.access import AccessLog
from maillage_gateway.admission import Admission
from maillage_gateway.body import ClientBody, ClientGone
from maillage_gateway.door import Door, read_path
from maillage_gateway.exchange import HTTPS_ONLY, SAFE_HEADERS, Exchange
from maillage_gateway.headers import RequestHead
from maillage_gateway.keeper import Doorkeeper
from maillage_gateway.policy import Route
from maillage_gateway.tracing import Tracing, known_method
from maillage_gateway.upstream import Answer, Upstream, UpstreamRequest

_BODILESS = frozenset({"GET", "HEAD", "DELETE"})
# Their answers have no body, or are no refusals.
_CALLED = frozenset({"HEAD", "OPTIONS"})
# Where a request that was looked at waits for its task.
_OPENED = "maillage.opened"
_AUTHORIZATION = b"authorization"
_CONTENT_LENGTH = b"content-length"
_REQUEST_ID = b"x-request-id"
_TRACEPARENT = b"traceparent"
_TRACESTATE = b"tracestate"


@dataclass(slots=True)
class _Opened:
    """A request that has a route. `admission` is None until the caller is known and counted."""

    exchange: Exchange
    # Another may be put in its place meanwhile; this request keeps the one it began with.
    door: Door
    route: Route
    head: RequestHead
    address: str
    admission: Admission | None = None


class Proxy:
    """ASGI application that answers every request by asking a service, or by refusing."""

    def __init__(
        self,
        *,
        keeper: Doorkeeper,
        upstreams: Mapping[str, Upstream],
        tracing: Tracing,
        access: AccessLog,
        public_url: str,
    ) -> None:
        self._keeper = keeper
        self._upstreams = upstreams
        self._tracing = tracing
        self._access = access
        scheme, host, *_ = urlsplit(public_url)
        # The caller's address is left out: no service has a use for it.
        self._forwarding = [
            (b"x-forwarded-proto", scheme.encode()),
            (b"x-forwarded-host", host.encode()),
        ]
        self._safe_headers = [*SAFE_HEADERS, *([HTTPS_ONLY] if scheme == "https" else [])]

    def answer_at_once(self, scope: Scope) -> bytes | None:
        """The whole answer to what is refused without waiting (`maillage_common.protocol`).

        None for everything else; what was found so far is kept for `__call__`.
        """
        if scope["method"] in _CALLED:
            return None
        exchange = self._begin(scope)
        try:
            opened = self._open(exchange, scope)
            opened.admission = opened.door.admit_at_once(
                exchange, opened.route, opened.head, opened.address
            )
        except MaillageError as refusal:
            headers, body = exchange.refused(refusal)
            self._finish(exchange)
            return write_head(exchange.status, headers) + body
        scope[_OPENED] = opened
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opened: _Opened | None = scope.pop(_OPENED, None)
        exchange = self._begin(scope) if opened is None else opened.exchange
        exchange.send = send
        try:
            await self._answer(exchange, opened, scope, receive)
        except MaillageError as refusal:
            await exchange.refuse(refusal)
        except ClientGone:
            exchange.error = "client_gone"
        except asyncio.CancelledError:
            if not await self._interrupted(exchange):
                raise
        except Exception as error:
            log(CommonEvent.UNHANDLED, **describe(error))
            await exchange.refuse(InternalError())
        finally:
            if exchange.body is not None:
                exchange.body.close()
            self._finish(exchange)

    def _begin(self, scope: Scope) -> Exchange:
        trace = self._tracing.begin(scope["headers"])
        return Exchange(trace, scope["method"], self._safe_headers)

    def _open(self, exchange: Exchange, scope: Scope) -> _Opened:
        door = self._keeper.door
        path = read_path(scope["raw_path"], scope["query_string"])
        route, head = door.find(exchange, path, scope["headers"])
        client = scope.get("client")
        return _Opened(exchange, door, route, head, str(client[0]) if client else "")

    async def _answer(
        self, exchange: Exchange, opened: _Opened | None, scope: Scope, receive: Receive
    ) -> None:
        method = exchange.method
        if method == "OPTIONS":
            exchange.template = "options"
            path = read_path(scope["raw_path"], scope["query_string"])
            await exchange.allow(*self._keeper.door.options(path))
            return
        opened = opened or self._open(exchange, scope)
        door, route, head = opened.door, opened.route, opened.head
        body = exchange.body = _incoming(scope, receive, route, head)
        admission = opened.admission or await door.admit(exchange, route, head, opened.address)
        body.check_length()
        authorization = door.admissions.internal_authorization(admission, route.service)
        request = UpstreamRequest(
            method,
            _target(scope),
            self._passed_headers(exchange, head, authorization, route.service),
            await body.open(),
            route.silence,
        )
        await self._forward(exchange, request, route.service)

    def _passed_headers(
        self, exchange: Exchange, head: RequestHead, authorization: bytes, service: str
    ) -> list[tuple[bytes, bytes]]:
        headers = head.passing
        headers += self._forwarding
        if head.length is not None:
            headers.append((_CONTENT_LENGTH, b"%d" % head.length))
        headers.append((_AUTHORIZATION, authorization))
        headers.append((_REQUEST_ID, exchange.trace.trace_id.encode()))
        traceparent = exchange.trace.call(exchange.method, service)
        headers.append((_TRACEPARENT, traceparent.encode()))
        if exchange.trace.state:
            headers.append((_TRACESTATE, exchange.trace.state.encode()))
        return headers

    async def _forward(self, exchange: Exchange, request: UpstreamRequest, service: str) -> None:
        answer: Answer | None = None
        try:
            try:
                answer = await self._upstreams[service].send(request)
            finally:
                exchange.trace.asked(request.origin, request.resends)
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
        method = known_method(exchange.method)
        route, status = exchange.template, exchange.status or CLIENT_CLOSED
        self._tracing.count(seconds, method, route, status)
        trace.end(method, route, status, exchange.error, exchange.client_id)
        self._access.note(exchange, method, status, seconds)


def _target(scope: Scope) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _incoming(scope: Scope, receive: Receive, route: Route, head: RequestHead) -> ClientBody:
    task = asyncio.current_task()
    assert task is not None
    limit = 0 if scope["method"] in _BODILESS else route.body
    when_left = scope["extensions"]["maillage.leaving"]
    return ClientBody(
        receive, when_left, task, length=head.length, chunked=head.chunked, limit=limit
    )
