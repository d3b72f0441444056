"""One server span and one client span for a request, and its count and duration.

A stranger's `traceparent` is honoured as context, so that their trace and ours join; whether ours
is recorded is drawn here, or anybody could fill our storage by setting a flag. For a request that
is not recorded no span object is made at all: ids are drawn and passed on with the flag down.
"""

import random
import time
from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Status, StatusCode

from maillage_common.telemetry import DURATION_BUCKETS
from maillage_common.trace_context import RANDOM, SAMPLED, RawHeaders, read_trace_parent

_ERROR = Status(StatusCode.ERROR)
# Of other methods only that they are others is told, as there may be any number of them.
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)


class Trace:
    """The trace of one request. `trace_id` is 32 hex digits; it is the request id as well.

    `state` is the caller's `tracestate`, which goes on to the service and is kept nowhere.
    """

    __slots__ = ("_client", "_flags", "_server", "_span_id", "started", "state", "trace_id")

    def __init__(
        self, trace_id: str, span_id: str, server: Span | None, flags: int, state: str
    ) -> None:
        self.started = time.perf_counter()
        self.trace_id = trace_id
        self.state = state
        self._flags = flags
        self._span_id = span_id
        self._server = server
        self._client: Span | None = None

    def call(self, tracer: trace.Tracer, method: str, service: str) -> str:
        """Begin the call of a service; gives the `traceparent` to send with it."""
        if self._server is None:
            return f"00-{self.trace_id}-{self._span_id}-{self._flags:02x}"
        self._client = tracer.start_span(
            method,
            context=trace.set_span_in_context(self._server, Context()),
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "maillage.peer": service},
        )
        context = self._client.get_span_context()
        return f"00-{self.trace_id}-{context.span_id:016x}-{self._flags | SAMPLED:02x}"

    def asked(self, origin: str, resends: int) -> None:
        """Note which replica was asked last, and how often the request was sent again."""
        if self._client is None or not origin:
            return
        host, port = _address(origin)
        self._client.set_attribute("server.address", host)
        self._client.set_attribute("server.port", port)
        if resends:
            self._client.set_attribute("http.request.resend_count", resends)

    def called(self, status: int, error: str | None) -> None:
        """End the call. `error` is the stable code of what went wrong on the way, if anything."""
        span = self._client
        if span is None:
            return
        self._client = None
        if status:
            span.set_attribute("http.response.status_code", status)
        if error is not None or status >= 400:
            span.set_attribute("error.type", error or str(status))
            span.set_status(_ERROR)
        span.end()

    def end(self, method: str, route: str, status: int, error: str | None, client_id: str) -> None:
        span = self._server
        if span is None:
            return
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "network.protocol.version": "1.1",
                "maillage.request_id": self.trace_id,
                "maillage.client_id": client_id,
            }
        )
        if status >= 500 or error is not None:
            span.set_attribute("error.type", error or str(status))
        if status >= 500:
            span.set_status(_ERROR)
        span.end()


class Tracing:
    """Begins traces, recording `ratio` of them, and counts every request."""

    def __init__(self, *, ratio: float, scheme: str = "http") -> None:
        """`scheme` is that of the gateway's address as callers see it."""
        self.tracer = trace.get_tracer("maillage")
        self._ratio = ratio
        self._attributes = {"url.scheme": scheme}
        self._duration = metrics.get_meter("maillage").create_histogram(
            "http.server.request.duration",
            unit="s",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    def begin(self, headers: RawHeaders) -> Trace:
        parent = read_trace_parent(headers)
        # Of the caller's flags only the one that tells how the id was made holds for us.
        flags = RANDOM if parent is None else parent.flags & RANDOM
        state = parent.state if parent is not None else ""
        if random.random() >= self._ratio:  # noqa: S311 (sampling, not a secret)
            trace_id = parent.trace_id if parent else f"{random.getrandbits(128) or 1:032x}"
            return Trace(trace_id, f"{random.getrandbits(64) or 1:016x}", None, flags, state)
        context = Context()
        if parent is not None:
            remote = NonRecordingSpan(parent.as_span_context())
            context = trace.set_span_in_context(remote, context)
        span = self.tracer.start_span(
            "request", context=context, kind=SpanKind.SERVER, attributes=self._attributes
        )
        own = span.get_span_context()
        return Trace(f"{own.trace_id:032x}", f"{own.span_id:016x}", span, flags, state)

    def count(self, seconds: float, method: str, route: str, status: int) -> None:
        self._duration.record(seconds, _facts(method, route, status))


def known_method(method: str) -> str:
    """The method's name for telemetry (HTTP semantic conventions: `_OTHER` for unknown ones)."""
    return method if method in _METHODS else "_OTHER"


@lru_cache(maxsize=4096)
def _facts(method: str, route: str, status: int) -> dict[str, str | int]:
    facts: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    return facts | ({"error.type": str(status)} if status >= 500 else {})


@lru_cache(maxsize=256)
def _address(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
