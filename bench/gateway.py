"""The gateway against a plain FastAPI + httpx proxy: throughput on one core, and added latency.

    .venv/bin/python bench/gateway.py [--seconds 6] [--rounds 3]

The proxy under test runs alone on one core; the service behind it and the clients share another.
Rounds alternate, so that a noisy neighbour hits both. See README.md, section "gateway".
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, cast
from uuid import uuid4

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from maillage_common.tokens import TokenSigner

WANTED_RATIO = 8.0
WANTED_ADDED_MILLISECONDS = 1.0
CONNECTIONS = 32
PATH = "/directory/v1/services/0194a1b2-0000-7000-8000-000000000001"
ANSWER = json.dumps({"id": PATH[-36:], "name": {"fr": "Accueil social"}, "open": True}).encode()
POLICY = """
[defaults]
methods = ["GET"]
scopes = ["directory:read"]
anonymous = false
machines = true
cors = false
meter = "all"
body = 65536
silence = 15.0
[meters.all]
client = { per_second = 1000000, burst = 1000000 }
stranger = { per_second = 1000000, burst = 1000000 }
[meters.refused]
client = { per_second = 1, burst = 1 }
stranger = { per_second = 1, burst = 1 }
[headers]
forwarded = ["accept", "accept-encoding", "accept-language", "content-type", "if-none-match"]
[[routes]]
path = "/directory/v1/services/{id}"
service = "directory"
"""
PLAIN_PROXY = """
import os
from contextlib import asynccontextmanager
import httpx
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

@asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], trust_env=False) as client:
        app.state.client = client
        yield

app = FastAPI(lifespan=lifespan)

@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def proxy(path: str, request: Request):
    client = request.app.state.client
    url = httpx.URL(path=request.url.path, query=request.url.query.encode())
    body = None if request.method == "GET" else request.stream()
    asked = client.build_request(request.method, url, headers=request.headers.raw, content=body)
    answer = await client.send(asked, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=answer.headers,
        background=BackgroundTask(answer.aclose),
    )
"""


class Upstream(asyncio.Protocol):
    """Answers every request (none has a body) with the same small JSON document."""

    documents: ClassVar[dict[bytes, bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.pending = b""

    def data_received(self, data: bytes) -> None:
        *heads, self.pending = (self.pending + data).split(b"\r\n\r\n")
        for head in heads:
            target = head.split(b" ", 2)[1]
            body = self.documents.get(target, ANSWER)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"date: Sun, 22 Nov 2026 07:00:00 GMT\r\ncontent-length: %d\r\n\r\n%s"
                % (len(body), body)
            )


class Client(asyncio.Protocol):
    """Sends one request after another on one connection until told to stop."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.latencies: list[float] = []
        self.failures = 0
        self.stopping = False
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self._ask()

    def _ask(self) -> None:
        self.received = b""
        self.expected = 0
        self.asked_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.expected:
            head, separator, _ = self.received.partition(b"\r\n\r\n")
            if not separator:
                return
            lower = head.lower()
            if b" 200 " not in head[:16]:
                self.failures += 1
            if b"content-length:" in lower:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                self.expected = len(head) + 4 + length
        complete = (
            len(self.received) >= self.expected
            if self.expected
            else self.received.endswith(b"0\r\n\r\n")
        )
        if complete:
            self.latencies.append(time.perf_counter() - self.asked_at)
            if self.stopping:
                self.transport.close()
            else:
                self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


@dataclass
class Proxy:
    """A proxy in a process of its own, pinned to one core."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    rates: list[float] = field(default_factory=list)
    per_cpu_second: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(name: str, arguments: list[str], environment: dict[str, str], core: int) -> Proxy:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return Proxy(name, port, process)


def request(port: int, token: str | None) -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"Accept-Language: fr\r\nUser-Agent: bench\r\n{authorization}\r\n"
    ).encode()


async def load(port: int, token: str | None, *, connections: int, seconds: float) -> list[float]:
    """Latencies in seconds of every answer within the time."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: Client(request(port, token)), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.sleep(seconds)
    latencies = [latency for client in clients for latency in client.latencies]
    for client in clients:
        client.stopping = True
    await asyncio.wait([client.done for client in clients], timeout=5)
    failures = sum(client.failures for client in clients)
    if failures:
        sys.exit(f"{failures} answers were not 200")
    return latencies


async def ready(proxy: Proxy, token: str) -> None:
    """Until the proxy answers 200; a minute at most."""
    for _ in range(600):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(request(proxy.port, token))
            line = await asyncio.wait_for(reader.readline(), 2)
            writer.close()
            if b" 200 " in line:
                return
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(0.1)
    sys.exit(f"{proxy.name} did not become ready")


async def measure(proxy: Proxy, token: str, seconds: float) -> None:
    before, started = proxy.cpu_seconds(), time.perf_counter()
    latencies = await load(proxy.port, token, connections=CONNECTIONS, seconds=seconds)
    elapsed, cpu = time.perf_counter() - started, proxy.cpu_seconds() - before
    proxy.rates.append(len(latencies) / elapsed)
    proxy.per_cpu_second.append(len(latencies) / cpu)


def keys(folder: Path) -> tuple[Path, TokenSigner]:
    """The gateway's signing key as a file, and the issuer."""
    pems = []
    for _ in range(2):
        key = ec.generate_private_key(ec.SECP256R1())
        pems.append(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path = folder / "gateway.pem"
    path.write_bytes(pems[0])
    return path, TokenSigner(pems[1], "https://issuer.example")


def access_token(issuer: TokenSigner) -> str:
    now = int(time.time())
    claims = {"aud": "maillage", "sub": str(uuid4()), "client_id": "bench", "jti": str(uuid4())}
    times = {"iat": now, "exp": now + 3000}
    return issuer.sign({**claims, **times, "scope": "directory:read"}, typ="at+jwt")


def prepare(folder: Path, upstream: str, trace_ratio: float) -> tuple[TokenSigner, dict[str, str]]:
    """Keys, policy and the plain proxy as files; the issuer and the gateway's environment."""
    key_file, issuer = keys(folder)
    Upstream.documents[b"/jwks.json"] = json.dumps(issuer.jwks()).encode()
    (folder / "policy.toml").write_text(POLICY)
    (folder / "plain.py").write_text(PLAIN_PROXY)
    keys_at = f"{upstream}/jwks.json"
    trusted = {"issuer": issuer.issuer, "jwks_uri": keys_at, "algorithms": ["ES256"]}
    environment = {
        "GATEWAY_SIGNING_KEY_FILE": str(key_file),
        "GATEWAY_DIRECTORY_URL": upstream,
        "GATEWAY_REFERRALS_URL": upstream,
        "GATEWAY_CAMPAIGNS_URL": upstream,
        "GATEWAY_POLICY_FILE": str(folder / "policy.toml"),
        "GATEWAY_TELEMETRY_FILE": str(folder / "spans.jsonl"),
        "GATEWAY_TRACE_RATIO": str(trace_ratio),
        "GATEWAY_ISSUERS": json.dumps([trusted]),
    }
    return issuer, environment


async def bench(folder: Path, *, seconds: float, rounds: int, trace_ratio: float) -> bool:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    upstream_port = server.sockets[0].getsockname()[1]
    upstream = f"http://127.0.0.1:{upstream_port}"
    issuer, environment = prepare(folder, upstream, trace_ratio)
    token = access_token(issuer)
    ours = start("gateway", ["-m", "maillage_gateway", "serve"], environment, cores[0])
    plain = start(
        "FastAPI + httpx",
        ["-m", "uvicorn", "plain:app", "--app-dir", str(folder), "--no-access-log",
         "--loop", "uvloop", "--http", "httptools"],
        {"UPSTREAM": upstream},
        cores[0],
    )  # fmt: skip
    try:
        for proxy in (ours, plain):
            await ready(proxy, token)
            await load(proxy.port, token, connections=CONNECTIONS, seconds=1)
        for _ in range(rounds):
            for proxy in (plain, ours):
                await measure(proxy, token, seconds)
        direct = await load(upstream_port, None, connections=1, seconds=seconds / 2)
        through = await load(ours.port, token, connections=1, seconds=seconds / 2)
        ceiling = await load(upstream_port, None, connections=CONNECTIONS, seconds=1)
    finally:
        for proxy in (ours, plain):
            proxy.process.send_signal(signal.SIGTERM)
            proxy.process.wait(10)
        server.close()
    return report(ours, plain, direct, through, ceiling=len(ceiling), trace_ratio=trace_ratio)


def report(
    ours: Proxy,
    plain: Proxy,
    direct: list[float],
    through: list[float],
    *,
    ceiling: int,
    trace_ratio: float,
) -> bool:
    for proxy in (plain, ours):
        rate, per_cpu = map(statistics.median, (proxy.rates, proxy.per_cpu_second))
        print(f"{proxy.name:16} {rate:8,.0f} req/s {per_cpu:8,.0f} req per CPU second")
    print(f"{'service alone':16} {ceiling:8,.0f} req/s, clients on the same core")
    wall = statistics.median(ours.rates) / statistics.median(plain.rates)
    cpu = statistics.median(ours.per_cpu_second) / statistics.median(plain.per_cpu_second)
    added = (statistics.median(through) - statistics.median(direct)) * 1000
    print(f"traces recorded: {trace_ratio:.0%}")
    print(f"ratio {wall:.1f} by the clock, {cpu:.1f} by CPU time (wanted: {WANTED_RATIO:.0f})")
    print(f"added at one connection: p50 {added:.2f} ms (wanted: {WANTED_ADDED_MILLISECONDS} ms)")
    return max(wall, cpu) >= WANTED_RATIO and added <= WANTED_ADDED_MILLISECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trace-ratio", type=float, default=0.05)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = uvloop.run(
            bench(
                Path(folder),
                seconds=chosen.seconds,
                rounds=chosen.rounds,
                trace_ratio=chosen.trace_ratio,
            )
        )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
