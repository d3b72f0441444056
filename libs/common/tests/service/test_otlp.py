"""A service process with a collector: all signals arrive there, nothing personal does."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

NAME = b"Zorbalina"


class Collector(ThreadingHTTPServer):
    """Takes OTLP/HTTP and keeps the bodies by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: dict[str, list[bytes]] = {}


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def test_all_three_signals_reach_the_collector(collector, environment, as_caller):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    telemetry = {
        "SAMPLE_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_address[1]}",
        "SAMPLE_TRACE_RATIO": "1",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "maillage_sample", "serve", "--port", str(port)],
        env=os.environ | environment | telemetry,
        stdout=subprocess.DEVNULL,
    )
    try:
        headers = as_caller(sub=NAME.decode(), scope="sample:write", tenant="mc")
        _write_note(f"http://127.0.0.1:{port}", headers)
    finally:
        process.send_signal(signal.SIGTERM)
        # uvicorn stops in order, then lets the signal end it.
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    assert set(collector.taken) == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    everything = b"".join(body for bodies in collector.taken.values() for body in bodies)
    assert b"/sample/v1/notes" in everything
    assert b"http.server.request.duration" in everything
    assert b"COM001" in everything
    assert NAME not in everything


def _write_note(url: str, headers: dict[str, str]) -> None:
    give_up = time.monotonic() + 60
    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        while time.monotonic() < give_up:
            with contextlib.suppress(httpx.TransportError):
                if client.get("/health/live").status_code == 200:
                    break
        client.get(f"/sample/v1/notes?q={NAME.decode()}", headers=headers)
        made = client.post("/sample/v1/notes", json={"words": NAME.decode()}, headers=headers)
        assert made.status_code == 201
