import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from maillage_local.traces import Span, choose_trace, read_spans, trace_tree

TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(service: str, name: str, span_id: int, parent: int | None, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "context": {"trace_id": f"0x{more.pop('trace', TRACE)}", "span_id": f"0x{span_id:016x}"},
        "kind": f"SpanKind.{more.pop('kind', 'SERVER')}",
        "parent_id": f"0x{parent:016x}" if parent else None,
        "start_time": f"2026-11-22T07:00:{more.pop('second', 0):02d}.000000Z",
        "end_time": "2026-11-22T07:00:59.500000Z",
        "status": {"status_code": "UNSET"},
        "attributes": {"http.response.status_code": 200},
        "resource": {"attributes": {"service.name": service}},
    }


@pytest.fixture
def spans(tmp_path: Path) -> list[Span]:
    gateway = [
        span("gateway", "POST /campaigns/v1/x", 1, None, second=1),
        span("gateway", "POST campaigns", 2, 1, second=2, kind="CLIENT"),
    ]
    campaigns = [
        span("campaigns", "POST /campaigns/v1/x", 3, 2, second=3),
        span("campaigns", "GET /health", 8, None, second=20, trace="ee" * 16),
        span("campaigns", "process job", 9, 7, second=9, kind="CONSUMER", trace="ff" * 16),
    ]
    for service, rows in (("gateway", gateway), ("campaigns", campaigns)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{service}.jsonl").write_text(lines + '{"name": "cut by a cra')
    return list(read_spans(tmp_path))


def rendered(spans: list[Span], trace_id: str) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(trace_tree(spans, trace_id))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_reads_whole_lines_only(spans: list[Span]) -> None:
    assert len(spans) == 5


def test_latest_trace_is_that_of_a_request_at_the_gateway(spans: list[Span]) -> None:
    assert choose_trace(spans, None) == TRACE


def test_trace_is_found_by_how_it_starts(spans: list[Span]) -> None:
    assert choose_trace(spans, "0x0AF765") == TRACE
    assert choose_trace(spans, "123") is None
    assert choose_trace([], None) is None


def test_tree_follows_the_request_across_services(spans: list[Span]) -> None:
    lines = rendered(spans, TRACE).splitlines()
    assert len(lines) == 4
    assert "58500.0 ms  200" in lines[1]
    indents = [line.index("gateway" if "gateway" in line else "campaigns") for line in lines[1:]]
    assert indents == sorted(set(indents))


def test_span_of_an_unrecorded_parent_is_a_root(spans: list[Span]) -> None:
    assert "process job" in rendered(spans, "ff" * 16)
