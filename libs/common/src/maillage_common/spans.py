"""Spans that are recorded when they are over, for a fraction of what it costs to keep one open.

The SDK's spans take attributes one by one behind a lock each, and follow the context; of a request
that only passes, everything is known at its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SynchronousMultiSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

# Those of this process's provider (`telemetry.configure`).
PROCESSORS = SynchronousMultiSpanProcessor()  # type: ignore[no-untyped-call]
_SCOPE = InstrumentationScope("maillage")
_STATUS = {True: Status(StatusCode.ERROR), False: Status()}


@dataclass(frozen=True, slots=True)
class Times:
    """Nanoseconds since 1970."""

    started: int
    ended: int


def record(
    name: str,
    kind: SpanKind,
    context: SpanContext,
    parent: SpanContext | None,
    times: Times,
    attributes: Mapping[str, str | int],
    *,
    is_error: bool,
) -> None:
    """Hand a span to the exporters; they take those whose context is sampled."""
    provider = trace.get_tracer_provider()
    PROCESSORS.on_end(
        ReadableSpan(
            name=name,
            context=context,
            parent=parent,
            resource=getattr(provider, "resource", Resource.get_empty()),
            attributes=attributes,
            kind=kind,
            status=_STATUS[is_error],
            start_time=times.started,
            end_time=times.ended,
            instrumentation_scope=_SCOPE,
        )
    )
