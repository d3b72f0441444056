"""The proxies that are compared: each a process of its own, pinned to one core."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from maillage_common.tokens import TokenSigner
from rig.load import PATH, UPLOADS, Service, load, request

ROOT = Path(__file__).parents[2]
# Where `make test-peers` puts it; GATEWAY_BENCH_ENVOY and GATEWAY_BENCH_HAPROXY name others.
ENVOY = os.environ.get("GATEWAY_BENCH_ENVOY", str(ROOT / ".local/peers/venv/bin/envoy"))
HAPROXY = os.environ.get("GATEWAY_BENCH_HAPROXY", "haproxy")
POLICY = f"""
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
client = {{ per_second = 1000000, burst = 1000000 }}
stranger = {{ per_second = 1000000, burst = 1000000 }}
organization = {{ per_second = 1000000, burst = 1000000 }}
[meters.refused]
client = {{ per_second = 1000000, burst = 1000000 }}
stranger = {{ per_second = 1000000, burst = 1000000 }}
[headers]
forwarded = ["accept", "accept-encoding", "accept-language", "content-type", "if-none-match"]
[[routes]]
path = "/directory/v1/services/{{id}}"
service = "directory"
[[routes]]
path = "{UPLOADS}"
service = "campaigns"
methods = ["POST"]
body = 4_000_000_000
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
_HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 15s
frontend in
  bind 127.0.0.1:{port}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny unless {{ var(txn.bearer),jwt_verify('ES256','{key}') -m int 1 }}
  http-request deny unless {{ var(txn.bearer),jwt_payload_query('$.aud') -m str maillage }}
  default_backend service
backend service
  http-reuse always
  server one 127.0.0.1:{service}
"""

_NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  server {{
    listen 127.0.0.1:{port};
    add_header authorization "Bearer {token}";
    add_header traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02;
    add_header x-request-id 0af7651916cd43dd8448eb211c80319c;
    location / {{ return 200; }}
  }}
}}
"""


@dataclass
class Proxy:
    name: str
    port: int
    process: subprocess.Popen[bytes]
    rates: list[float] = field(default_factory=list)
    per_cpu_second: list[float] = field(default_factory=list)
    # A process that works for this one: its CPU time counts too.
    helper: "Proxy | None" = None

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return own + (self.helper.cpu_seconds() if self.helper else 0.0)

    def megabytes(self) -> float:
        """Resident memory at the moment."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    async def ready(self, token: str) -> None:
        """Until the proxy answers 200; a minute at most."""
        for _ in range(600):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request(self.port, token))
                line = await asyncio.wait_for(reader.readline(), 2)
                writer.close()
                if b" 200 " in line:
                    return
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(0.1)
        sys.exit(f"{self.name} did not become ready")

    async def measure(
        self, token: str, *, connections: int, seconds: float, path: str = PATH
    ) -> None:
        before, started = self.cpu_seconds(), time.perf_counter()
        sent = request(self.port, token, path=path)
        latencies = await load(self.port, sent, connections=connections, seconds=seconds)
        elapsed, cpu = time.perf_counter() - started, self.cpu_seconds() - before
        self.rates.append(len(latencies) / elapsed)
        self.per_cpu_second.append(len(latencies) / cpu)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Rig:
    """What all proxies of one run share: a folder, a core, the service's port, issuer and key."""

    folder: Path
    core: int
    service: int
    issuer: TokenSigner
    environment: dict[str, str]

    def start(self, name: str, command: list[str], port: int, **environment: str) -> Proxy:
        process = subprocess.Popen(
            command,
            env={**os.environ, **self.environment, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.core}),
        )
        return Proxy(name, port, process)

    def gateway(self, name: str, *, trace_ratio: float, command: str = "serve") -> Proxy:
        port = free_port()
        program = [sys.executable, "-m", "maillage_gateway", command, "--port", str(port)]
        return self.start(name, program, port, GATEWAY_TRACE_RATIO=str(trace_ratio))

    def plain(self) -> Proxy:
        port = free_port()
        program = [sys.executable, "-m", "uvicorn", "plain:app", "--app-dir", str(self.folder)]
        options = ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        upstream = f"http://127.0.0.1:{self.service}"
        command = [*program, *options, "--port", str(port)]
        return self.start("FastAPI + httpx", command, port, UPSTREAM=upstream)

    def envoy(self, name: str, http_filter: dict[str, object], check: int = 1) -> Proxy | None:
        """None when its binary is not there. `check` is the port of the gateway's check."""
        if shutil.which(ENVOY) is None:
            return None
        port = free_port()
        path = self.folder / f"envoy-{port}.json"
        path.write_text(json.dumps(_envoy(port, self.service, check, http_filter)))
        options = ["--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
        return self.start(name, [ENVOY, "-c", str(path), *options], port)

    def haproxy(self) -> Proxy | None:
        """None when its binary is not there."""
        if shutil.which(HAPROXY) is None:
            return None
        port, key = free_port(), self.folder / "issuer.pub"
        path = self.folder / "haproxy.cfg"
        path.write_text(_HAPROXY.format(port=port, key=key, service=self.service))
        return self.start("HAProxy jwt_verify", [HAPROXY, "-f", str(path)], port)

    def trivial_check(self) -> Proxy | None:
        """A check that lets everything through without a look; None when nginx is not there."""
        if shutil.which("nginx") is None:
            return None
        port, path = free_port(), self.folder / "nginx.conf"
        # As long as an internal token.
        path.write_text(_NGINX.format(folder=self.folder, port=port, token="x" * 600))
        return self.start("nginx", ["nginx", "-c", str(path)], port)

    def jwt_authn(self) -> dict[str, object]:
        keys = {"inline_string": json.dumps(self.issuer.jwks())}
        provider = {"issuer": self.issuer.issuer, "audiences": ["maillage"], "local_jwks": keys}
        rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}
        members = {"providers": {"issuer": provider}, "rules": [rule]}
        return _filter("jwt_authn", "JwtAuthentication", **members)

    def access_token(self) -> str:
        now = int(time.time())
        claims = {"aud": "maillage", "sub": str(uuid4()), "client_id": "bench", "jti": str(uuid4())}
        times = {"iat": now, "exp": now + 3000}
        return self.issuer.sign({**claims, **times, "scope": "directory:read"}, typ="at+jwt")


def ext_authz() -> dict[str, object]:
    """Envoy asks the gateway's check, as `deploy/envoy` has it."""
    every = {"patterns": [{"safe_regex": {"regex": ".*"}}]}
    names = ("authorization", "traceparent", "x-request-id")
    return _filter(
        "ext_authz",
        "ExtAuthz",
        transport_api_version="V3",
        allowed_headers=every,
        http_service={
            "server_uri": {"uri": "http://check", "cluster": "check", "timeout": "5s"},
            "path_prefix": "/authz/check",
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"exact": name} for name in names]}
            },
        },
    )


def _filter(name: str, kind: str, **members: object) -> dict[str, object]:
    package = f"type.googleapis.com/envoy.extensions.filters.http.{name}.v3"
    members["@type"] = f"{package}.{kind}"
    return {"name": f"envoy.filters.http.{name}", "typed_config": members}


def _envoy(port: int, service: int, check: int, http_filter: dict[str, object]) -> object:
    network = "envoy.filters.network.http_connection_manager"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "service"}}
    hosts = [{"name": "all", "domains": ["*"], "routes": [route]}]
    package = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    manager = {
        "@type": f"{package}.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "route_config": {"name": "all", "virtual_hosts": hosts},
        "http_filters": [http_filter, _filter("router", "Router")],
    }
    chain = {"filters": [{"name": network, "typed_config": manager}]}
    listener = {"name": "bench", "address": _address(port), "filter_chains": [chain]}
    clusters = [_cluster("service", service), _cluster("check", check)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    settings = {"name": name, "type": "STATIC", "connect_timeout": "2s"}
    return {**settings, "load_assignment": assignment}


def prepare(folder: Path, *, core: int, service: int, sink: int) -> Rig:
    """Keys, policy and the plain proxy as files; the gateway's environment."""
    signing, issuing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pems = [
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for key in (signing, issuing)
    ]
    (folder / "gateway.pem").write_bytes(pems[0])
    public = issuing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "issuer.pub").write_bytes(public)
    issuer = TokenSigner(pems[1], "https://issuer.example")
    Service.documents[b"/jwks.json"] = json.dumps(issuer.jwks()).encode()
    Service.documents[b"/health/ready"] = b"{}"
    (folder / "policy.toml").write_text(POLICY)
    (folder / "plain.py").write_text(PLAIN_PROXY)
    upstream = f"http://127.0.0.1:{service}"
    keys_at = f"{upstream}/jwks.json"
    trusted = {"issuer": issuer.issuer, "jwks_uri": keys_at, "algorithms": ["ES256"]}
    environment = {
        "GATEWAY_SIGNING_KEY_FILE": str(folder / "gateway.pem"),
        "GATEWAY_DIRECTORY_URL": upstream,
        "GATEWAY_REFERRALS_URL": upstream,
        "GATEWAY_CAMPAIGNS_URL": f"http://127.0.0.1:{sink}",
        "GATEWAY_POLICY_FILE": str(folder / "policy.toml"),
        "GATEWAY_TELEMETRY_FILE": str(folder / "spans.jsonl"),
        "GATEWAY_ISSUERS": json.dumps([trusted]),
        "GATEWAY_DRAIN_SECONDS": "0",
    }
    return Rig(folder, core, service, issuer, environment)
