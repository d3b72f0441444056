"""One request while it is being answered: what is known of it, and the writing of its answer."""

import json
import time
from email.utils import formatdate
from functools import lru_cache

from starlette.types import Send

from maillage_common.errors import PROBLEM_MEDIA_TYPE, MaillageError, problem_document
from maillage_common.events import log
from maillage_gateway.body import ClientBody
from maillage_gateway.events import Event
from maillage_gateway.headers import pass_answer
from maillage_gateway.meter import Reading
from maillage_gateway.policy import Route
from maillage_gateway.tracing import Trace
from maillage_gateway.upstream import Answer

RawHeaders = list[tuple[bytes, bytes]]
# All headers and the body of an answer.
Whole = tuple[RawHeaders, bytes]

SAFE_HEADERS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_SHARED: RawHeaders = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"deprecation, etag, link, location, ratelimit, ratelimit-policy, retry-after, sunset, "
        b"x-request-id",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
_PRIVATE: RawHeaders = [(b"cross-origin-resource-policy", b"same-origin")]
_NO_STORE = (b"cache-control", b"no-store")
_NO_PAGE = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
PREFLIGHT: RawHeaders = [
    (
        b"access-control-allow-headers",
        b"accept-language, content-type, idempotency-key, if-none-match, traceparent",
    ),
    (b"access-control-max-age", b"86400"),
]
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_LINGER_BYTES, _LINGER_SECONDS = 1_048_576, 2.0


class Exchange:
    """A request and its answer. `status` is 0 until the answer begins; `error` a stable code.

    `reason` tells the log, and nobody else, why a token was refused. `template` is the path without
    ids; `safe_headers` go with every answer. `send` is set by whoever has one: an answer that is
    given at once is not sent by us.
    """

    __slots__ = (
        *("body", "client_id", "error", "method", "reading", "reason", "route"),
        *("send", "status", "template", "trace", "_safe_headers"),
    )

    send: Send

    def __init__(self, trace: Trace, method: str, safe_headers: RawHeaders) -> None:
        self.trace = trace
        self.method = method
        self.route: Route | None = None
        self.template = "unmatched"
        self.client_id = ""
        self.reading: Reading | None = None
        self.body: ClientBody | None = None
        self.status = 0
        self.error: str | None = None
        self.reason: str | None = None
        self._safe_headers = safe_headers

    async def pass_back(self, answer: Answer) -> None:
        """Send a service's answer on: in one piece when it is all there, as it comes when not."""
        status, whole = answer.status, answer.whole()
        headers = pass_answer(answer.headers, status=status)
        if whole is not None:
            self.trace.called(status, None)
            await self.answer(status, headers, whole)
            return
        await self._start(status, headers)
        async for part in answer.parts():
            await self.send({"type": "http.response.body", "body": part, "more_body": True})
        self.trace.called(status, None)
        await self._end(b"")

    def let_through(self, told: RawHeaders) -> Whole:
        """The answer that tells a proxy in front to carry the request on, `told` to the service."""
        self.status = 200
        return [*told, *self._common(), (b"content-length", b"0")], b""

    def refused(self, refusal: MaillageError) -> Whole:
        """As `refuse` before anything of a body has come, without the sending."""
        self._note(refusal)
        self.status = refusal.status
        headers, body = self._document(refusal)
        headers.append((b"content-length", b"%d" % len(body)))
        return self._completed(headers), body

    async def give(self, headers: RawHeaders, body: bytes) -> None:
        """Send what `let_through` or `refused` made."""
        await self.send({"type": "http.response.start", "status": self.status, "headers": headers})
        await self._end(body)

    async def allow(self, methods: list[str], shared: list[str]) -> None:
        """Answer OPTIONS: the path's methods, and which of them any web page may use."""
        headers = [(b"allow", ", ".join([*methods, "OPTIONS"]).encode()), _date()]
        if shared:
            headers += [*_SHARED[:1], *PREFLIGHT]
            headers.append((b"access-control-allow-methods", ", ".join(shared).encode()))
        await self.answer(204, headers, b"")

    async def refuse(self, refusal: MaillageError) -> None:
        """Answer with a problem document, or cut the answer that has begun."""
        self._note(refusal)
        if self.status:
            # Returning without the answer's end makes the server close the connection: the client
            # sees a cut.
            log(Event.ANSWER_CUT, code=refusal.code, route=self.template)
            return
        headers, body = self._document(refusal)
        if self.body is not None and self.body.may_go_on:
            await self._answer_and_hang_up(self.body, refusal.status, headers, body)
        else:
            await self.answer(refusal.status, headers, body)

    def _note(self, refusal: MaillageError) -> None:
        self.error = refusal.code
        self.trace.called(0, refusal.code)

    def _document(self, refusal: MaillageError) -> tuple[RawHeaders, bytes]:
        document = problem_document(refusal, trace_id=self.trace.trace_id)
        headers = [(b"content-type", PROBLEM_MEDIA_TYPE.encode()), _NO_STORE, _date()]
        headers += [(n.lower().encode(), v.encode()) for n, v in refusal.headers.items()]
        return headers, _ENCODER.encode(document).encode()

    async def answer(self, status: int, headers: RawHeaders, body: bytes) -> None:
        has_body = self.method != "HEAD" and status not in (204, 304)
        if has_body and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % len(body)))
        await self._start(status, headers)
        await self._end(body)

    async def _answer_and_hang_up(
        self, incoming: ClientBody, status: int, headers: RawHeaders, body: bytes
    ) -> None:
        """For a body that is still coming: answer, swallow some of the rest, close."""
        headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        await self._start(status, headers)
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await incoming.drain(limit=_LINGER_BYTES, seconds=_LINGER_SECONDS)
        await self._end(b"")

    async def _start(self, status: int, headers: RawHeaders) -> None:
        self.status = status
        headers = self._completed(headers)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    def _completed(self, headers: RawHeaders) -> RawHeaders:
        """With what goes with every answer, and what the answer itself did not say."""
        names = {name for name, _ in headers}
        headers += self._common()
        if b"cache-control" not in names and not self._is_shared:
            headers.append(_NO_STORE)
        if b"content-security-policy" not in names:
            headers.append(_NO_PAGE)
        return headers

    @property
    def _is_shared(self) -> bool:
        return self.route is not None and self.route.cors

    def _common(self) -> RawHeaders:
        """What goes with every answer, whoever gives it."""
        headers = [*self._safe_headers, (b"x-request-id", self.trace.trace_id.encode())]
        headers += _SHARED if self._is_shared else _PRIVATE
        if self.route is not None:
            headers += self.route.notices
        if self.reading is not None:
            headers += self.reading.headers()
        return headers

    async def _end(self, body: bytes) -> None:
        if self.body is not None:
            self.body.is_answered = True
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def complete_own(headers: RawHeaders, safe_headers: RawHeaders) -> RawHeaders:
    """Headers of a page of the gateway's own, with those that it did not say itself."""
    names = {name for name, _ in headers}
    shared = b"access-control-allow-origin" in names
    wanted = [*safe_headers, _NO_STORE, _NO_PAGE, *([] if shared else _PRIVATE)]
    return [*headers, *(header for header in wanted if header[0] not in names)]


def _date() -> tuple[bytes, bytes]:
    # The server adds none, since the services' answers bring their own.
    return b"date", _at_second(int(time.time()))


@lru_cache(maxsize=1)
def _at_second(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
