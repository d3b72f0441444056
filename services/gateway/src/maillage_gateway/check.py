"""`/authz/check`: the decision alone, for a proxy in front that carries the requests itself.

    python -m maillage_gateway check --port 8001

It gives out internal tokens, so it never listens where strangers are: it has a listener of its own,
and answers to `GATEWAY_CHECK_PEERS` alone. What is asked about comes from one place, which the
proxy's configuration chooses and nothing in the request can change:

- `/authz/check` + path (Envoy's `path_prefix`): method, path and query are those of this request.
- `/authz/check` alone (Traefik, nginx): they are in `X-Forwarded-Method` and `X-Forwarded-Uri`,
  which the proxy must write itself.

Allowed is 200, with headers for the service (`Authorization` is the internal token) and for the
answer. Anything else is the answer that the caller shall get. OPTIONS is the gateway's to answer:
Envoy passes our 204 on, the others send it there.
"""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from maillage_common.app import create_app, plain_router
from maillage_common.auth import Caller, open_to_anyone
from maillage_common.cycle import write_head
from maillage_common.errors import InternalError, MaillageError, MethodNotAllowed
from maillage_common.events import CommonEvent, describe, log
from maillage_common.schemas import Answer
from maillage_common.tokens import ANONYMOUS
from maillage_gateway.access import AccessLog
from maillage_gateway.admission import Admission
from maillage_gateway.door import Door, is_within, read_path
from maillage_gateway.errors import BadHeaders, KeysUnavailable, UnknownRoute
from maillage_gateway.exchange import HTTPS_ONLY, SAFE_HEADERS, Exchange, Whole
from maillage_gateway.headers import RequestHead
from maillage_gateway.keeper import Doorkeeper
from maillage_gateway.metrics import observe
from maillage_gateway.policy import Route
from maillage_gateway.portal import drop_own_document
from maillage_gateway.settings import Settings
from maillage_gateway.tracing import Tracing, known_method

PREFIX = b"/authz/check"
_METHOD = re.compile(rb"[A-Z]{1,16}")
_TOLD = frozenset({b"x-forwarded-method", b"x-forwarded-uri"})
# Their answers have no body, or are more than a decision.
_CALLED = frozenset({"HEAD", "OPTIONS"})
# What a proxy needs to carry the request, or what our answer writes over.
_CARRIED = frozenset(
    {
        *(b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"te"),
        *(b"authorization", b"x-request-id", b"traceparent"),
        *(b"x-forwarded-proto", b"x-forwarded-host"),
    }
)

Anyone = Annotated[Caller, open_to_anyone()]
router = plain_router("", ["check"])


class State(Answer):
    status: str


@router.get("/health/live")
async def live(caller: Anyone) -> State:
    """This process answers."""
    return State(status="ok")


@router.get("/health/ready")
async def ready(request: Request, caller: Anyone) -> State:
    """Tokens can be checked."""
    keeper: Doorkeeper = request.app.state.keeper
    if not keeper.is_ready:
        raise KeysUnavailable()
    return State(status="ok")


@dataclass(slots=True)
class Asked:
    """The request that a proxy asks about. `by_path`: it is Envoy, and drops what it is told to.

    `address` is the proxy's.
    """

    method: str
    path: bytes
    query: bytes
    by_path: bool
    address: str


@dataclass(slots=True)
class Question:
    """What the door is asked; `names` are those of the headers that Envoy may have to drop."""

    door: Door
    route: Route
    head: RequestHead
    address: str
    names: tuple[bytes, ...]

    @property
    def who(self) -> tuple[Route, RequestHead, str]:
        return self.route, self.head, self.address


def read_asked(scope: Scope, address: str) -> Asked:
    """Raises UnknownRoute, or BadHeaders when the proxy does not say what it asks about."""
    rest: bytes = scope["raw_path"][len(PREFIX) :]
    if rest[:1] == b"/":
        return Asked(scope["method"], rest, scope["query_string"], True, address)
    if rest:
        raise UnknownRoute()
    told = [(name, value) for name, value in scope["headers"] if name in _TOLD]
    values = dict(told)
    method, target = values.get(b"x-forwarded-method", b""), values.get(b"x-forwarded-uri", b"")
    if len(told) != 2 or _METHOD.fullmatch(method) is None or target[:1] != b"/":
        raise BadHeaders("The proxy sends X-Forwarded-Method and X-Forwarded-Uri, each once.")
    path, _, query = target.partition(b"?")
    return Asked(method.decode(), path, query, False, address)


def _is_asking(scope: Scope) -> bool:
    is_asking: bool = scope["raw_path"].startswith(PREFIX)
    return is_asking


class Check:
    """ASGI application: the check, and its own health."""

    _access: AccessLog

    def __init__(self, settings: Settings) -> None:
        # The proxies are trusted to tell whose request they ask about.
        trusted = settings.trusted_proxies + settings.check_peers
        self._settings = settings.model_copy(update={"trusted_proxies": trusted})
        self._keeper = Doorkeeper(self._settings)
        # A proxy asks again and again from one address.
        self._is_peer = lru_cache(maxsize=256)(partial(is_within, networks=settings.check_peers))
        self._tracing: Tracing | None = None
        scheme, host, *_ = urlsplit(settings.public_url)
        self._forwarding = [
            (b"x-forwarded-proto", scheme.encode()),
            (b"x-forwarded-host", host.encode()),
        ]
        self._safe_headers = [*SAFE_HEADERS, *([HTTPS_ONLY] if scheme == "https" else [])]
        recorded = settings.model_copy(update={"trace_ratio": 1.0})
        self.pages = create_app(
            "gateway", recorded, [router], title="Maillage gateway: check", lifespan=self._run
        )
        drop_own_document(self.pages)

    @asynccontextmanager
    async def _run(self, app: FastAPI) -> AsyncIterator[None]:
        cookies = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=cookies, trust_env=False) as session,
            self._keeper.on_duty(session),
        ):
            app.state.keeper = self._keeper
            observe(self._keeper.keys, self._keeper.admissions, [])
            self._tracing = Tracing(
                ratio=self._settings.trace_ratio, scheme=self._forwarding[0][1].decode()
            )
            self._access = AccessLog()
            try:
                yield
            finally:
                self._access.write()

    def answer_at_once(self, scope: Scope) -> bytes | None:
        """The whole answer; None when it is for `__call__` to give (`maillage_common.protocol`)."""
        tracing = self._tracing
        if tracing is None or scope["method"] in _CALLED or not _is_asking(scope):
            return None
        exchange = self._begin(tracing, scope)
        try:
            question = self._question(exchange, scope, self._asked(exchange, scope))
            admission = question.door.admit_at_once(exchange, *question.who)
            if admission is None:
                return None
            headers, body = self._let_through(exchange, question, admission)
        except MaillageError as refusal:
            headers, body = exchange.refused(refusal)
        _finish(exchange, tracing, self._access)
        return write_head(exchange.status, headers) + body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tracing = self._tracing
        if tracing is None or scope["type"] != "http" or not _is_asking(scope):
            scope.setdefault("state", {})["caller"] = Caller(ANONYMOUS, ANONYMOUS)
            await self.pages(scope, receive, send)
            return
        exchange = self._begin(tracing, scope)
        exchange.send = send
        try:
            asked = self._asked(exchange, scope)
            if asked.method == "OPTIONS" and asked.by_path:
                exchange.template = "options"
                path = read_path(asked.path, asked.query)
                await exchange.allow(*self._keeper.door.options(path))
                return
            question = self._question(exchange, scope, asked)
            admission = await question.door.admit(exchange, *question.who)
            await exchange.give(*self._let_through(exchange, question, admission))
        except MaillageError as refusal:
            await exchange.give(*exchange.refused(refusal))
        except Exception as error:
            log(CommonEvent.UNHANDLED, **describe(error))
            await exchange.give(*exchange.refused(InternalError()))
        finally:
            _finish(exchange, tracing, self._access)

    def _begin(self, tracing: Tracing, scope: Scope) -> Exchange:
        return Exchange(tracing.begin(scope["headers"]), scope["method"], self._safe_headers)

    def _asked(self, exchange: Exchange, scope: Scope) -> Asked:
        client = scope.get("client")
        address = str(client[0]) if client else ""
        if not self._is_peer(address):
            raise UnknownRoute()
        asked = read_asked(scope, address)
        exchange.method = asked.method
        return asked

    def _question(self, exchange: Exchange, scope: Scope, asked: Asked) -> Question:
        door = self._keeper.door
        path = read_path(asked.path, asked.query)
        if asked.method == "OPTIONS":
            # To these proxies every 2xx lets the request through, here without any token.
            exchange.template = "options"
            methods, _ = door.options(path)
            raise MethodNotAllowed(headers={"Allow": ", ".join(methods)})
        headers = scope["headers"]
        route, head = door.find(exchange, path, headers)
        names = tuple(name for name, _ in headers) if asked.by_path else ()
        return Question(door, route, head, asked.address, names)

    def _let_through(self, exchange: Exchange, question: Question, admission: Admission) -> Whole:
        door, route = question.door, question.route
        authorization = door.admissions.internal_authorization(admission, route.service)
        traceparent = exchange.trace.call(exchange.method, route.service)
        exchange.trace.called(200, None)
        told = [
            (b"authorization", authorization),
            (b"traceparent", traceparent.encode("ascii")),
            *self._forwarding,
        ]
        kept = door.policy.forwarded_names
        if exchange.trace.state:
            told.append((b"tracestate", exchange.trace.state.encode("ascii")))
            kept |= {b"tracestate"}
        if question.names:
            told += _dropped(question.names, kept)
        return exchange.let_through(told)


@lru_cache(maxsize=1024)
def _dropped(present: tuple[bytes, ...], kept: frozenset[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """What Envoy shall take away, so that the service sees what it would see from us."""
    names = set(present) - kept - _CARRIED
    return ((b"x-envoy-auth-headers-to-remove", b",".join(sorted(names))),) if names else ()


def _finish(exchange: Exchange, tracing: Tracing, access: AccessLog) -> None:
    trace = exchange.trace
    seconds = time.perf_counter() - trace.started
    method = known_method(exchange.method)
    route, status = exchange.template, exchange.status
    tracing.count(seconds, method, route, status)
    trace.end(method, route, status, exchange.error, exchange.client_id)
    if status >= 400:
        access.note(exchange, method, status, seconds)


def create() -> ASGIApp:
    return Check(Settings())
