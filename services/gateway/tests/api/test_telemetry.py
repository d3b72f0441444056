"""What is recorded of a request: one server span, one client span, and nothing of a person."""

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

HANDLE = "s3cr3t-handle-0194a1b2"
NAME = "Fatima-Peeters"


class Spans:
    """The gateway's spans; those of this process's own instrumented httpx are left out."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(self.exporter))

    def finished(self):
        spans = self.exporter.get_finished_spans()
        return [span for span in spans if span.instrumentation_scope.name == "maillage"]


@pytest.fixture
def spans(gateway):
    spans = Spans()
    yield spans
    spans.exporter.shutdown()


class TestSpans:
    async def test_a_request_has_one_server_and_one_client_span(self, gateway, spans, echo):
        await gateway.client.get("/directory/v1/needs")
        client, server = sorted(spans.finished(), key=lambda span: -span.kind.value)
        assert (server.kind, client.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
        assert server.name == "GET /directory/v1/needs/**"
        assert client.parent.span_id == server.context.span_id
        assert server.attributes["http.response.status_code"] == 200
        assert server.attributes["maillage.client_id"] == "anonymous"
        assert client.attributes["maillage.peer"] == "directory"
        traceparent = f"00-{client.context.trace_id:032x}-{client.context.span_id:016x}-01"
        assert echo.last.one("traceparent") == traceparent

    async def test_neither_span_nor_log_tells_of_a_person(self, gateway, spans, issuer, caplog):
        headers = issuer.bearer(sub=NAME, scope="referrals:read")
        await gateway.client.get(f"/referrals/v1/subjects/{HANDLE}?q={NAME}", headers=headers)
        await gateway.client.get(f"/nothing/{HANDLE}/{NAME}?q={NAME}")
        await gateway.client.get(f"/referrals/v1/inbox?access_token={NAME}", headers=headers)
        written = " ".join(span.to_json() for span in spans.finished())
        written += json.dumps([record.__dict__ for record in caplog.records], default=str)
        assert written
        for secret in (HANDLE, NAME, headers["Authorization"], "127.0.0.1:"):
            assert secret not in written.replace("http://127.0.0.1:8000", "")

    async def test_a_refusal_is_a_span_without_a_call(self, gateway, spans):
        await gateway.client.get("/referrals/v1/inbox")
        (server,) = spans.finished()
        assert server.attributes["http.response.status_code"] == 401
        assert server.attributes["error.type"] == "token_missing"
        assert server.status.status_code is StatusCode.UNSET

    async def test_a_service_that_breaks_off_is_an_error_of_both(self, gateway, spans, echo):
        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            await writer.drain()

        echo.behaviours["/directory/v1/needs"] = answer
        await gateway.talk(b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        assert {span.attributes["error.type"] for span in spans.finished()} == {"service_broke"}

    async def test_a_client_that_leaves_ends_both_spans(self, gateway, spans, echo):
        async def answer(request, reader, writer):
            await reader.read()

        echo.behaviours["/directory/v1/needs"] = answer
        await gateway.talk(b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        await echo.closed.wait()
        names = {span.attributes["error.type"] for span in spans.finished()}
        assert names == {"client_gone"}

    async def test_a_documented_path_names_the_span(
        self, gateway, spans, start_gateway, settings, echo
    ):
        path = "/directory/v1/services/{service_id}"
        echo.documents["/openapi.json"] = {"paths": {path: {"get": {}}}}
        async with start_gateway(settings) as gateway:
            await gateway.client.get("/openapi.json")
            await gateway.client.get(f"/directory/v1/services/{HANDLE}")
        assert f"GET {path}" in {span.name for span in spans.finished()}
