"""One server span and one client span for a request, and its count and duration.

A stranger's `traceparent` is honoured as context, so that their trace and ours join; whether ours
is recorded is drawn here, or anybody could fill our storage by setting a flag. For a request that
is not recorded no span object is made at all: ids are drawn and passed on with the flag down.
"""

import random
import re
import time
from functools import lru_cache

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_ERROR = Status(StatusCode.ERROR)


class Trace:
    """The trace of one request. `trace_id` is 32 hex digits; it is the request id as well."""

    __slots__ = ("_client", "_server", "_span_id", "started", "trace_id")

    def __init__(self, trace_id: str, span_id: str, server: Span | None) -> None:
        self.started = time.perf_counter()
        self.trace_id = trace_id
        self._span_id = span_id
        self._server = server
        self._client: Span | None = None

    def call(self, tracer: trace.Tracer, method: str, service: str) -> str:
        """Begin the call of a service; gives the `traceparent` to send with it."""
        if self._server is None:
            return f"00-{self.trace_id}-{self._span_id}-00"
        self._client = tracer.start_span(
            method,
            context=trace.set_span_in_context(self._server, Context()),
            kind=SpanKind.CLIENT,
            attributes={"http.request.method": method, "maillage.peer": service},
        )
        context = self._client.get_span_context()
        return f"00-{self.trace_id}-{context.span_id:016x}-01"

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

    def __init__(self, *, ratio: float) -> None:
        self.tracer = trace.get_tracer("maillage")
        self._ratio = ratio
        self._duration = metrics.get_meter("maillage").create_histogram(
            "http.server.request.duration", unit="s"
        )

    def begin(self, traceparent: bytes | None) -> Trace:
        parent = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        if random.random() >= self._ratio:  # noqa: S311 (sampling, not a secret)
            trace_id = parent[1].decode() if parent else f"{random.getrandbits(128) or 1:032x}"
            return Trace(trace_id, f"{random.getrandbits(64) or 1:016x}", None)
        context = Context()
        if parent is not None:
            remote = SpanContext(int(parent[1], 16), int(parent[2], 16), True, _SAMPLED)
            context = trace.set_span_in_context(NonRecordingSpan(remote), context)
        span = self.tracer.start_span("request", context=context, kind=SpanKind.SERVER)
        own = span.get_span_context()
        return Trace(f"{own.trace_id:032x}", f"{own.span_id:016x}", span)

    def count(self, seconds: float, method: str, route: str, status: int) -> None:
        self._duration.record(seconds, _facts(method, route, status))


@lru_cache(maxsize=4096)
def _facts(method: str, route: str, status: int) -> dict[str, str | int]:
    return {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
