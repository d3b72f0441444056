"""Spans in a file, one JSON object a line, for where there is no collector."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class SpanFile(SpanExporter):
    """One JSON object a line, opened for append so that several workers may share the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a", encoding="utf-8")
        # The end of every line: the resource is the same for all of a process.
        self._end = ""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._file.write("".join([self._line(span) for span in spans]))
        self._file.flush()
        return SpanExportResult.SUCCESS

    def _line(self, span: ReadableSpan) -> str:
        """What `span.to_json` tells of a scrubbed span, in a twentieth of its time."""
        if not self._end:
            resource = json.dumps(json.loads(span.resource.to_json()))
            self._end = f', "events": [], "links": [], "resource": {resource}}}\n'
        context, parent = span.context, span.parent
        assert context is not None
        told = {
            "name": span.name,
            "context": {
                "trace_id": f"0x{context.trace_id:032x}",
                "span_id": f"0x{context.span_id:016x}",
                "trace_state": "[]",
            },
            "kind": str(span.kind),
            "parent_id": f"0x{parent.span_id:016x}" if parent is not None else None,
            "start_time": _instant(span.start_time),
            "end_time": _instant(span.end_time),
            "status": {"status_code": span.status.status_code.name},
            "attributes": dict(span.attributes or {}),
        }
        return json.dumps(told)[:-1] + self._end

    def shutdown(self) -> None:
        self._file.close()


def _instant(nanoseconds: int | None) -> str | None:
    if nanoseconds is None:
        return None
    instant = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
