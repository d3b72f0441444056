"""One server span and one client span for a request, and its count and duration.

A stranger's `traceparent` is honoured as context, so that their trace and ours join; whether ours
is recorded is drawn here, or anybody could fill our storage by setting a flag. Ids are drawn for
every request; spans are made when it is over, of those that are recorded (`maillage_common.spans`).
"""

import random
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry import metrics
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from maillage_common.spans import Times, record
from maillage_common.telemetry import DURATION_BUCKETS
from maillage_common.trace_context import (
    RANDOM,
    SAMPLED,
    RawHeaders,
    TraceParent,
    read_trace_parent,
)

# Of other methods only that they are others is told, as there may be any number of them.
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)


@dataclass(slots=True)
class _Call:
    """The call of a service within a recorded request; times in nanoseconds since 1970."""

    method: str
    span_id: str
    service: str
    started: int
    ended: int = 0
    status: int = 0
    error: str | None = None
    origin: str = ""
    resends: int = 0

    def attributes(self) -> dict[str, str | int]:
        facts: dict[str, str | int] = {
            "http.request.method": self.method,
            "maillage.peer": self.service,
        }
        if self.origin:
            facts["server.address"], facts["server.port"] = _address(self.origin)
        if self.resends:
            facts["http.request.resend_count"] = self.resends
        if self.status:
            facts["http.response.status_code"] = self.status
        if self.has_failed:
            facts["error.type"] = self.error or str(self.status)
        return facts

    @property
    def has_failed(self) -> bool:
        return self.error is not None or self.status >= 400


class Trace:
    """The trace of one request. `trace_id` is 32 hex digits; it is the request id as well.

    `state` is the caller's `tracestate`, which goes on to the service and is kept nowhere.
    """

    __slots__ = (
        *("_began", "_call", "_flags", "_parent", "_scheme", "_span_id"),
        *("started", "state", "trace_id"),
    )

    def __init__(self, parent: TraceParent | None, scheme: str, *, is_recorded: bool) -> None:
        self.started = time.perf_counter()
        if parent is None:
            self.trace_id, self.state = f"{random.getrandbits(128) or 1:032x}", ""
            self._flags = RANDOM
        else:
            self.trace_id, self.state = parent.trace_id, parent.state
            # Of the caller's flags only the one that tells how the id was made holds for us.
            self._flags = parent.flags & RANDOM
        if is_recorded:
            self._flags |= SAMPLED
        self._span_id = _new_span_id()
        self._parent = parent
        self._scheme = scheme
        self._began = time.time_ns() if is_recorded else 0
        self._call: _Call | None = None

    def call(self, method: str, service: str) -> str:
        """Begin the call of a service; gives the `traceparent` to send with it."""
        span_id = self._span_id
        if self._began:
            span_id = _new_span_id()
            self._call = _Call(method, span_id, service, time.time_ns())
        return f"00-{self.trace_id}-{span_id}-{self._flags:02x}"

    def asked(self, origin: str, resends: int) -> None:
        """Note which replica was asked last, and how often the request was sent again."""
        if self._call is not None:
            self._call.origin, self._call.resends = origin, resends

    def called(self, status: int, error: str | None) -> None:
        """End the call. `error` is the stable code of what went wrong on the way, if anything."""
        call = self._call
        if call is not None and not call.ended:
            call.ended, call.status, call.error = time.time_ns(), status, error

    def end(self, method: str, route: str, status: int, error: str | None, client_id: str) -> None:
        if not self._began:
            return
        facts: dict[str, str | int] = {
            "url.scheme": self._scheme,
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "network.protocol.version": "1.1",
            "maillage.request_id": self.trace_id,
            "maillage.client_id": client_id,
        }
        if status >= 500 or error is not None:
            facts["error.type"] = error or str(status)
        own, call, now = self._context(self._span_id), self._call, time.time_ns()
        if call is not None:
            record(
                call.method,
                SpanKind.CLIENT,
                self._context(call.span_id),
                own,
                Times(call.started, call.ended or now),
                call.attributes(),
                is_error=call.has_failed,
            )
        record(
            f"{method} {route}",
            SpanKind.SERVER,
            own,
            self._parent.as_span_context() if self._parent is not None else None,
            Times(self._began, now),
            facts,
            is_error=status >= 500,
        )

    def _context(self, span_id: str) -> SpanContext:
        return SpanContext(
            int(self.trace_id, 16),
            int(span_id, 16),
            is_remote=False,
            trace_flags=TraceFlags(self._flags),
        )


class Tracing:
    """Begins traces, recording `ratio` of them, and counts every request."""

    def __init__(self, *, ratio: float, scheme: str = "http") -> None:
        """`scheme` is that of the gateway's address as callers see it."""
        self._ratio = ratio
        self._scheme = scheme
        self._duration = metrics.get_meter("maillage").create_histogram(
            "http.server.request.duration",
            unit="s",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    def begin(self, headers: RawHeaders) -> Trace:
        is_recorded = random.random() < self._ratio  # noqa: S311 (sampling, not a secret)
        return Trace(read_trace_parent(headers), self._scheme, is_recorded=is_recorded)

    def count(self, seconds: float, method: str, route: str, status: int) -> None:
        self._duration.record(seconds, _facts(method, route, status))


def _new_span_id() -> str:
    return f"{random.getrandbits(64) or 1:016x}"


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
