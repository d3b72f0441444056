"""Traces, metrics and logs over OTLP, with an allow-list between us and the collector.

FastAPI's own instrumentation is switched off (it records exception messages); one ASGI middleware
makes the server span. psycopg and httpx are instrumented by their contrib packages. Whatever they
record passes `Scrubbed` first: an attribute that is not on the list does not leave the process.
"""

import logging
import os
import random
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from time import perf_counter
from typing import Protocol

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maillage_common.errors import InternalError, problem_response
from maillage_common.events import LOGGER_NAME, CommonEvent, JsonFormatter, describe, log
from maillage_common.settings import DatabaseServiceSettings, ServiceSettings
from maillage_common.span_file import SpanFile
from maillage_common.spans import PROCESSORS
from maillage_common.trace_context import read_trace_parent

EXPORTED_ATTRIBUTES = frozenset(
    {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.request.resend_count",
        "url.scheme",
        "server.address",
        "server.port",
        "network.protocol.version",
        "error.type",
        "db.system.name",
        "db.namespace",
        "db.operation.name",
        "db.query.text",
        "db.query.summary",
        "db.response.status_code",
        "messaging.system",
        "messaging.operation.name",
        "messaging.destination.name",
        "maillage.request_id",
        "maillage.client_id",
        "maillage.peer",
    }
)
# Seconds, as the HTTP semantic conventions want them; the SDK's own are for milliseconds.
DURATION_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5),
    *(0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
# Requests wait while a batch is put together: 3 ms for so many over OTLP, 16 ms for the SDK's 512.
RECORDS_AT_ONCE = 64
# Parameters travel apart from the text; a literal can only be one of ours, and goes all the same.
_SQL_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+\b")
# What nginx made the custom for a client that left; it is counted and never sent.
CLIENT_CLOSED = 499
_QUIET_PATHS = frozenset({"/health/live", "/health/ready"})


class Scrubbed(SpanExporter):
    """Wraps an exporter: deny-by-default on attributes, no exception messages, no events."""

    def __init__(self, inner: SpanExporter) -> None:
        self.inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.inner.export([_scrub(span) for span in spans])

    def shutdown(self) -> None:
        self.inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.inner.force_flush(timeout_millis)


def _scrub(span: ReadableSpan) -> ReadableSpan:
    attributes = {
        name: _SQL_LITERAL.sub("?", str(value)) if name == "db.query.text" else value
        for name, value in (span.attributes or {}).items()
        if name in EXPORTED_ATTRIBUTES
    }
    return ReadableSpan(
        name=span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes=attributes,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: SpanContext | None) -> SpanContext | None:
    """`tracestate` is a caller's text: passed on, and recorded nowhere."""
    if context is None or not context.trace_state:
        return context
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


class _Flushable(Protocol):
    def force_flush(self, timeout_millis: int) -> bool: ...


_configured = False
_providers: list[_Flushable] = []


def configure(service: str, settings: ServiceSettings) -> None:
    """Build this process's providers. Call it in every worker; a second call does nothing."""
    global _configured
    if _configured:
        return
    _configured = True
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "maillage",
            "service.instance.id": f"{service}-{os.getpid()}",
            "deployment.environment.name": settings.environment,
        }
    )
    _configure_traces(resource, settings)
    if settings.otlp_endpoint:
        _configure_metrics(resource, settings.otlp_endpoint)
    _configure_logs(service, settings, resource)
    if isinstance(settings, DatabaseServiceSettings):
        # The gateway has no database and asks nobody through httpx: importing both takes 13 MB.
        _instrument()


def _configure_traces(resource: Resource, settings: ServiceSettings) -> None:
    provider = TracerProvider(
        resource=resource,
        sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)),
        active_span_processor=PROCESSORS,
    )
    if settings.telemetry_file:
        provider.add_span_processor(_batches(SpanFile(settings.telemetry_file), seconds=0.5))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        otlp = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces")
        provider.add_span_processor(_batches(otlp, seconds=5.0))
    trace.set_tracer_provider(provider)
    _providers.append(provider)


def _batches(exporter: SpanExporter, *, seconds: float) -> BatchSpanProcessor:
    """Hands spans on `seconds` after they ended, or as soon as there are enough of them."""
    return BatchSpanProcessor(
        Scrubbed(exporter),
        schedule_delay_millis=seconds * 1000,
        max_export_batch_size=RECORDS_AT_ONCE,
    )


def _configure_metrics(resource: Resource, endpoint: str) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"))
    provider = MeterProvider(resource=resource, metric_readers=[reader])
    metrics.set_meter_provider(provider)
    _providers.append(provider)


def log_to_console(service: str) -> None:
    """One JSON object a line on standard output; all there is before the settings are known."""
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [console]
    root.setLevel(logging.WARNING)


def _configure_logs(service: str, settings: ServiceSettings, resource: Resource) -> None:
    log_to_console(service)
    logging.getLogger(LOGGER_NAME).setLevel(settings.log_level)
    # Says again, with the job's arguments, what JOB_FAILED and JOB_DEAD say without them.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    if settings.otlp_endpoint:
        logging.getLogger(LOGGER_NAME).addHandler(
            _otlp_log_handler(settings.otlp_endpoint, resource)
        )


def _otlp_log_handler(endpoint: str, resource: Resource) -> logging.Handler:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs")
    provider.add_log_record_processor(
        BatchLogRecordProcessor(exporter, max_export_batch_size=RECORDS_AT_ONCE)
    )
    _providers.append(provider)
    otlp = provider.get_logger(LOGGER_NAME)

    class OtlpHandler(logging.Handler):
        """Sends the event catalogue's message and facts; nothing else is logged under our name."""

        def emit(self, record: logging.LogRecord) -> None:
            otlp.emit(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=SeverityNumber(record.levelno // 10 * 4 + 1),
                body=record.msg,
                attributes={
                    "event.name": getattr(record, "event_code", record.name),
                    **getattr(record, "facts", {}),
                },
            )

    return OtlpHandler()


def _instrument() -> None:
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

    HTTPXClientInstrumentor().instrument()
    PsycopgInstrumentor().instrument(skip_dep_check=True)


def flush() -> None:
    """Send what is still buffered; called when a process stops."""
    for provider in _providers:
        provider.force_flush(2_000)


def tracer() -> trace.Tracer:
    return _tracer_of(trace.get_tracer_provider())


@lru_cache(maxsize=8)
def _tracer_of(provider: trace.TracerProvider) -> trace.Tracer:
    """Asking the SDK for one each time costs more than the span."""
    return provider.get_tracer("maillage")


def current_trace_id() -> str:
    """The trace id that a problem document and a log line carry: 32 hex digits."""
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


class RequestTelemetry:
    """ASGI middleware, outermost: one server span, one duration, one log line per request.

    It also is the edge at which an unexpected exception ends, as a 500 without its message: the
    server's own traceback would quote values of the request. In tests (`environment = "test"`) the
    exception is raised again, so that it is seen.
    """

    def __init__(self, app: ASGIApp, *, environment: str) -> None:
        self.app = app
        self.reraise = environment == "test"
        self.duration = metrics.get_meter("maillage").create_histogram(
            "http.server.request.duration",
            unit="s",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] in _QUIET_PATHS:
            # Neither span nor line, but a refusal has its id, and nothing beneath begins a trace.
            unrecorded = SpanContext(random.getrandbits(128), random.getrandbits(64), False)
            with trace.use_span(NonRecordingSpan(unrecorded), record_exception=False):
                await self.app(scope, receive, send)
            return
        parent = read_trace_parent(scope["headers"])
        context = Context()
        if parent is not None:
            caller = NonRecordingSpan(parent.as_span_context())
            context = trace.set_span_in_context(caller, context)
        started = perf_counter()
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracer().start_as_current_span(
            scope["method"],
            context=context,
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self.app(scope, receive, note_status)
            except ClientDisconnect:
                # Who left within their body gets no answer, and it is nobody's error.
                status = status or CLIENT_CLOSED
            except Exception as error:
                log(CommonEvent.UNHANDLED, **describe(error))
                span.set_attribute("error.type", type(error).__name__)
                if self.reraise or status:
                    raise
                await problem_response(InternalError(), trace_id=current_trace_id())(
                    scope, receive, note_status
                )
            finally:
                self._finish(span, scope, status, perf_counter() - started)

    def _finish(self, span: trace.Span, scope: Scope, status: int, seconds: float) -> None:
        route = route_template(scope)
        method = scope["method"]
        facts: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        self.duration.record(seconds, facts)
        span.update_name(f"{method} {route}")
        span.set_attributes(facts)
        # Not what the header says: to the gateway's own pages anybody sends any.
        request_id = current_trace_id()
        span.set_attribute("maillage.request_id", request_id)
        if status >= 500 or not status:
            span.set_status(StatusCode.ERROR)
        log(
            CommonEvent.REQUEST,
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
        )


def route_template(scope: Scope) -> str:
    """`/referrals/v1/referrals/{referral_id}`: the path as declared, never as called."""
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return str(template) if template else "unmatched"
