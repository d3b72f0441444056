"""What leaves the process: spans and log lines, without anything about a person."""

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from maillage_common.events import JsonFormatter
from maillage_common.span_file import SpanFile
from maillage_common.telemetry import EXPORTED_ATTRIBUTES, RECORDS_AT_ONCE, Scrubbed, _batches

NAME = "Zorbalina"


@pytest.fixture
def spans(app) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(Scrubbed(exporter)))
    return exporter


async def test_spans_hold_only_listed_attributes_and_nothing_of_the_request(
    client, as_caller, spans, caplog
):
    headers = as_caller(sub=NAME, scope="sample:write", tenant="mc") | {"User-Agent": NAME}
    headers["traceparent"] = f"00-{'ab' * 16}-{'cd' * 8}-01"
    await client.get(f"/sample/v1/notes?q={NAME}", headers=headers)
    await client.get(f"/sample/v1/notes?{NAME}=1", headers=headers)
    await client.patch(f"/sample/v1/notes/{NAME}", json={"words": NAME}, headers=headers)
    await client.post("/sample/v1/notes", json={"words": NAME}, headers=headers)
    finished = spans.get_finished_spans()
    assert {"POST /sample/v1/notes", "PATCH /sample/v1/notes/{note_id}"} <= {
        span.name for span in finished
    }
    assert any(span.name.startswith("INSERT") for span in finished)
    for span in finished:
        assert set(span.attributes) <= EXPORTED_ATTRIBUTES
        assert NAME not in span.to_json()
    assert NAME not in caplog.text


def test_spans_are_handed_on_a_few_at_a_time():
    class Counting(InMemorySpanExporter):
        def export(self, spans):
            sizes.append(len(spans))
            return super().export(spans)

    sizes: list[int] = []
    provider = TracerProvider()
    provider.add_span_processor(_batches(Counting(), seconds=60))
    for _ in range(300):
        provider.get_tracer("maillage").start_span("x").end()
    provider.shutdown()
    assert sum(sizes) == 300
    assert max(sizes) <= RECORDS_AT_ONCE < 100


async def test_a_span_continues_the_callers_trace(client, as_caller, spans):
    headers = as_caller(sub="a", scope="sample:write", tenant="mc")
    headers["traceparent"] = f"00-{'ab' * 16}-{'cd' * 8}-01"
    await client.get("/sample/v1/notes", headers=headers)
    (server,) = (span for span in spans.get_finished_spans() if span.name.startswith("GET /"))
    assert f"{server.context.trace_id:032x}" == "ab" * 16
    assert f"{server.parent.span_id:016x}" == "cd" * 8
    children = [
        span
        for span in spans.get_finished_spans()
        if span.parent and span.parent.span_id == server.context.span_id
    ]
    assert any(span.name.startswith("SELECT") for span in children)


async def test_a_problem_names_its_trace(client, as_caller):
    headers = as_caller(sub="a", scope="none")
    headers["traceparent"] = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await client.get("/sample/v1/notes", headers=headers)
    assert answer.json()["trace_id"] == "ab" * 16


async def test_a_refused_probe_names_a_trace_and_leaves_no_span(client, spans):
    answer = await client.post("/health/ready")
    assert answer.status_code == 405
    assert int(answer.json()["trace_id"], 16) > 0
    assert (await client.get("/health/ready")).status_code == 200
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("more", [{}, {"Idempotency-Key": "k" * 32}])
async def test_a_caller_who_leaves_within_the_body_is_no_error(app, as_caller, caplog, more):
    caplog.set_level("INFO", "maillage")
    headers = as_caller(sub="a", scope="sample:write", tenant="mc") | more
    headers |= {"Content-Type": "application/json", "Content-Length": "20"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/sample/v1/notes",
        "query_string": b"",
        "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
    }
    arriving = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive():
        return next(arriving, {"type": "http.disconnect"})

    async def send(message):
        pass

    await app(scope, receive, send)
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_other_libraries_arguments_and_exceptions_stay_out_of_the_log(caplog):
    import logging

    try:
        raise ValueError(NAME)
    except ValueError:
        record = logging.getLogger("library").makeRecord(
            "library", logging.ERROR, "", 0, "failed for %s", (NAME,), __import__("sys").exc_info()
        )
    line = JsonFormatter("sample").format(record)
    assert NAME not in line
    assert json.loads(line)["error_type"] == "ValueError"


def test_a_line_of_the_file_tells_what_the_sdk_would(tmp_path):
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Scrubbed(kept)))
    tracer = provider.get_tracer("maillage")
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
        outer.set_attribute("http.route", "/x/{id}")
        with tracer.start_as_current_span("inner") as inner:
            inner.set_status(StatusCode.ERROR)
    spans = kept.get_finished_spans()
    file = SpanFile(tmp_path / "spans.jsonl")
    file.export(spans)
    file.shutdown()
    lines = (tmp_path / "spans.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(span.to_json()) for span in spans]
