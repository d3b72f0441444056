"""One request's path through the services, read from the files their spans go to."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.text import Text
from rich.tree import Tree


@dataclass(frozen=True)
class Span:
    """One operation of one service. Ids are lower-case hex without `0x`."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start: datetime
    end: datetime
    status: str

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start).total_seconds() * 1000


def read_spans(folder: Path) -> Iterator[Span]:
    """Every span in the `*.jsonl` files of `folder`; a line cut by a crash is passed over."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                span = _parse(line)
                if span is not None:
                    yield span


def choose_trace(spans: Sequence[Span], wanted: str | None) -> str | None:
    """The full id of the trace that starts with `wanted`, or of the gateway's latest request."""
    if wanted is not None:
        plain = wanted.lower().removeprefix("0x")
        return next((span.trace_id for span in spans if span.trace_id.startswith(plain)), None)
    requests = [span for span in spans if span.kind == "SERVER" and span.service == "gateway"]
    return max(requests, key=lambda span: span.start).trace_id if requests else None


def wait_for_spans(
    folder: Path, trace_id: str, *, at_least: int, seconds: float = 15.0
) -> list[Span]:
    """The spans on file, once `at_least` services wrote some of this trace: they write in batches.

    Queued work of the trace may come later still.
    """
    give_up = time.monotonic() + seconds
    while True:
        spans = [span for span in read_spans(folder) if span.trace_id == trace_id]
        if len({span.service for span in spans}) >= at_least or time.monotonic() > give_up:
            return spans
        time.sleep(0.3)


def trace_tree(spans: Sequence[Span], trace_id: str) -> Tree:
    """The spans of one trace as a tree: service, name, milliseconds, status."""
    own = sorted((span for span in spans if span.trace_id == trace_id), key=lambda one: one.start)
    known = {span.span_id for span in own}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in own:
        # A parent that was not recorded (a partner's own span) makes its child a root.
        children[span.parent_id if span.parent_id in known else None].append(span)
    tree = Tree(Text(f"trace {trace_id}", style="bold"))
    pending = [(tree, span) for span in reversed(children[None])]
    while pending:
        branch, span = pending.pop()
        below = branch.add(_label(span))
        pending.extend((below, child) for child in reversed(children[span.span_id]))
    return tree


def _label(span: Span) -> Text:
    failed = span.status == "ERROR" or span.status.startswith("5")
    return Text.assemble(
        (f"{span.service:<10} ", "cyan"),
        span.name,
        (f"  {span.milliseconds:.1f} ms", "green"),
        (f"  {span.status}", "red" if failed else "dim"),
    )


def _parse(line: str) -> Span | None:
    try:
        raw = json.loads(line)
        attributes = raw["attributes"]
        http_status = attributes.get("http.response.status_code")
        return Span(
            trace_id=raw["context"]["trace_id"].removeprefix("0x"),
            span_id=raw["context"]["span_id"].removeprefix("0x"),
            parent_id=raw["parent_id"].removeprefix("0x") if raw["parent_id"] else None,
            service=raw["resource"]["attributes"]["service.name"],
            name=raw["name"],
            kind=raw["kind"].removeprefix("SpanKind."),
            start=datetime.fromisoformat(raw["start_time"]),
            end=datetime.fromisoformat(raw["end_time"]),
            status=str(http_status or raw["status"]["status_code"]).replace("UNSET", "ok"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
