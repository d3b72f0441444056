"""What is recorded of a request: one server span, one client span, and nothing of a person."""

import json
import logging
from contextlib import asynccontextmanager

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from maillage_gateway.keeper import Doorkeeper
from maillage_gateway.metrics import observe
from maillage_gateway.replicas import Service

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
        assert server.attributes["url.scheme"] == "http"
        assert client.attributes["maillage.peer"] == "directory"
        host, _, port = echo.url.removeprefix("http://").partition(":")
        address = (client.attributes["server.address"], client.attributes["server.port"])
        assert address == (host, int(port))
        traceparent = f"00-{client.context.trace_id:032x}-{client.context.span_id:016x}-0"
        assert echo.last.one("traceparent")[:-1] == traceparent
        assert int(echo.last.one("traceparent")[-1]) & 1

    async def test_neither_span_nor_log_tells_of_a_person(
        self, start_gateway, settings, spans, issuer, caplog, capsys
    ):
        headers = issuer.bearer(sub=NAME, scope="referrals:read")
        async with start_gateway(settings) as gateway:
            await gateway.client.get(f"/referrals/v1/subjects/{HANDLE}?q={NAME}", headers=headers)
            await gateway.client.get(f"/nothing/{HANDLE}/{NAME}?q={NAME}")
            await gateway.client.get(f"/referrals/v1/inbox?access_token={NAME}", headers=headers)
        written = " ".join(span.to_json() for span in spans.finished())
        written += json.dumps([record.__dict__ for record in caplog.records], default=str)
        printed = capsys.readouterr().out
        assert printed.count("COM001") == 3
        written += printed
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

    async def test_an_unheard_of_method_is_told_as_other(self, gateway, spans):
        await gateway.talk(b"PROPFIND /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        (server,) = spans.finished()
        assert server.name == "_OTHER unmatched"
        assert server.attributes["http.response.status_code"] == 405

    async def test_a_request_sent_again_is_one_call_that_says_so(
        self, gateway, spans, start_gateway, settings, echo, start_service
    ):
        async def hang_up(request, reader, writer):
            pass

        async with start_service() as twin:
            echo.behaviours["/directory/v1/needs"] = hang_up
            twin.behaviours["/directory/v1/needs"] = hang_up
            both = settings.model_copy(update={"directory_url": f"{echo.url},{twin.url}"})
            async with start_gateway(both) as gateway:
                await gateway.client.get("/directory/v1/needs")
        (client,) = (span for span in spans.finished() if span.kind is SpanKind.CLIENT)
        assert client.attributes["http.request.resend_count"] == 1

    async def test_a_documented_path_names_the_span(
        self, gateway, spans, start_gateway, settings, echo
    ):
        path = "/directory/v1/services/{service_id}"
        echo.documents["/openapi.json"] = {"paths": {path: {"get": {}}}}
        async with start_gateway(settings) as gateway:
            await gateway.client.get("/openapi.json")
            await gateway.client.get(f"/directory/v1/services/{HANDLE}")
        assert f"GET {path}" in {span.name for span in spans.finished()}


class Collector(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


async def test_an_unexpected_error_is_logged_with_where_it_came_from(gateway, monkeypatch, caplog):
    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("maillage_gateway.upstream.Pool.send", broken)
    answer = await gateway.client.get("/directory/v1/needs")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (facts,) = (r.facts for r in caplog.records if r.event_code == "COM002")
    assert facts["error_type"] == "ZeroDivisionError"
    assert facts["raised_at"].startswith(f"{__name__}:")
    assert facts["called_at"].startswith("maillage_gateway.replicas:")


class TestAccessLog:
    async def test_an_answer_leaves_one_line_without_a_person(
        self, start_gateway, settings, issuer, capsys
    ):
        headers = issuer.bearer(sub=NAME, scope="referrals:read")
        async with start_gateway(settings) as gateway:
            answer = await gateway.client.get(
                f"/referrals/v1/subjects/{HANDLE}?q={NAME}", headers=headers
            )
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (line,) = (line for line in lines if line["event"] == "COM001")
        assert line.pop("time")
        assert line.pop("milliseconds") > 0
        assert line == {
            "level": "INFO",
            "service": "gateway",
            "message": "request answered",
            "event": "COM001",
            "method": "GET",
            "route": "/referrals/v1/subjects/**",
            "status": 200,
            "client_id": "partner-app",
            "request_id": answer.headers["X-Request-Id"],
            "trace_id": answer.headers["X-Request-Id"],
        }

    async def test_an_own_page_is_found_by_its_id_whatever_the_caller_calls_it(
        self, start_gateway, settings, caplog
    ):
        caplog.set_level(logging.INFO, "maillage")
        async with start_gateway(settings) as gateway:
            for headers in ({}, {"X-Request-Id": NAME}):
                caplog.clear()
                answer = await gateway.client.get("/docs", headers=headers)
                (facts,) = (r.facts for r in caplog.records if "status" in r.facts)
                assert facts["request_id"] == answer.headers["X-Request-Id"]

    async def test_why_a_token_was_refused_is_for_the_log_alone(
        self, start_gateway, settings, issuer, capsys
    ):
        headers = issuer.bearer(exp=1)
        async with start_gateway(settings) as gateway:
            answer = await gateway.client.get("/referrals/v1/inbox", headers=headers)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (line,) = (line for line in lines if line["event"] == "COM001")
        assert (line["error"], line["reason"]) == ("invalid_token", "expired")
        assert "expired" not in answer.text

    async def test_a_failure_is_an_event_where_there_is_a_collector(self, start_gateway, settings):
        collector = Collector()
        logger = logging.getLogger("maillage")
        logger.addHandler(collector)
        try:
            async with start_gateway(settings) as gateway:
                await gateway.client.get("/referrals/v1/inbox")
                await gateway.client.get("/directory/v1/needs")
        finally:
            logger.removeHandler(collector)
        (facts,) = (record.facts for record in collector.records if "status" in record.facts)
        assert (facts["status"], facts["error"]) == (401, "token_missing")

    async def test_a_log_level_above_info_leaves_none(self, start_gateway, settings, capsys):
        logger = logging.getLogger("maillage")
        level = logger.level
        logger.setLevel(logging.WARNING)
        try:
            async with start_gateway(settings) as gateway:
                await gateway.client.get("/directory/v1/needs")
        finally:
            logger.setLevel(level)
        assert "COM001" not in capsys.readouterr().out


class TestMetrics:
    async def test_tell_of_ages_caches_breakers_and_retries(self, echo, issuer, settings):
        reader = InMemoryMetricReader()
        meter = MeterProvider(metric_readers=[reader]).get_meter("maillage")
        async with running_parts(settings) as (keys, admissions, services):
            observe(keys, admissions, services, meter=meter)
            token = issuer.token().encode()
            for _ in range(3):
                await admissions.admit(b"Bearer " + token, keys)
            services[0].replicas[0].breaker.trip(0.0)
            told = read_metrics(reader)
        assert 0 <= told["maillage.keys.age"][(("issuer", issuer.name),)] < 60
        assert told["maillage.token_cache.lookups"] == {
            (("result", "hit"),): 2,
            (("result", "miss"),): 1,
        }
        place = (("maillage.peer", "directory"), ("origin", echo.url))
        states = told["maillage.replica.state"]
        assert states[(*place, ("state", "set_aside"))] == 1
        assert states[(*place, ("state", "ready"))] == 0
        assert told["maillage.replica.set_aside"][place] == 1
        assert told["maillage.replica.active_requests"][place] == 0
        assert told["maillage.service.retries"] == {(("maillage.peer", "directory"),): 0}


@asynccontextmanager
async def running_parts(settings):
    keeper = Doorkeeper(settings)
    (origin,) = settings.service_urls()["directory"]
    service = Service("directory", [origin], connections=1, connect_seconds=1)
    async with aiohttp.ClientSession() as session, keeper.on_duty(session):
        yield keeper.keys, keeper.admissions, [service]
    await service.close()


def read_metrics(reader):
    data = reader.get_metrics_data()
    return {
        metric.name: {
            tuple(sorted(point.attributes.items())): point.value
            for point in metric.data.data_points
        }
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
