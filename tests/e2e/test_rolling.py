"""Every service and the gateway are replaced under load: no request fails.

The stack's own processes are one replica of each service. While clients work, a second one of each
comes up beside them, and a gateway that knows both; then each of these leaves again, one after the
other. Clients go where a load balancer would send them: to the gateways that said they are ready
when last asked. So each process must say that it stops, and go on answering until it was heard.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.running import RunningStack

from maillage_local.bytecode import bytecode_environment
from maillage_local.databases import service_database
from maillage_local.demo.identities import demo_service
from maillage_local.environment import Addresses, Deployment, KeyRing, service_environment
from maillage_local.loopback import NO_AUTHORITIES
from maillage_local.postgres import Postgres
from maillage_local.temporary_stack import free_port
from maillage_local.traces import read_spans

SERVICES = ("directory", "referrals", "campaigns")
# Longer than the probes of the gateway and of the load balancer are apart, and a probe takes.
DRAIN_SECONDS = "3"
PROBE_SECONDS = 1.0
START_SECONDS = 120.0
PAUSE_SECONDS = 0.2
REFERRAL = {
    "subject": {"anonymous": True},
    "service_id": str(demo_service("target")),
    "needs": ["administration"],
    "purpose": "social_support",
    "consent": {"method": "oral", "text": {"language": "fr", "version": "2026-1"}},
}
# Who asks what, again and again. The POSTs have no Idempotency-Key: nobody may send them twice.
WORK = (
    ("social-worker", "GET", "/directory/v1/services", None),
    ("social-worker", "POST", "/directory/v1/services/search", {"q": "logement"}),
    ("social-worker", "GET", "/referrals/v1/outbox", None),
    ("social-worker", "POST", "/referrals/v1/referrals", REFERRAL),
    ("coordinator", "GET", "/campaigns/v1/campaigns", None),
)


def status_of(port: int, path: str) -> int:
    """0 when nobody answers."""
    try:
        return httpx.get(
            f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False, verify=NO_AUTHORITIES
        ).status_code
    except httpx.TransportError:
        return 0


@dataclass
class Process:
    """A second process of a service, started as the stack starts its own."""

    service: str
    port: int
    environment: dict[str, str]
    spans: Path
    _running: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._running = subprocess.Popen(
            [sys.executable, "-m", f"maillage_{self.service}", "serve", "--port", str(self.port)],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
        )

    def status(self) -> int:
        return status_of(self.port, "/health/ready")

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while self.status() != 200:
            assert time.monotonic() < give_up, f"{self.service} is not ready"
            time.sleep(0.2)

    def leave(self) -> None:
        """Stop, and hear of it from the process itself before it is gone."""
        assert self._running is not None
        self._running.terminate()
        while (status := self.status()) == 200:
            time.sleep(0.02)
        heard_until = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < heard_until:
            assert status == 503, f"{self.service} stopped before anybody could hear of it"
            time.sleep(0.05)
            status = self.status()
        # Uvicorn ends as the signal would have ended it, once everything was answered.
        assert self._running.wait(30) in (0, -signal.SIGTERM)

    def answered(self) -> bool:
        """Whether any client's request came here."""
        return any(span.kind == "SERVER" for span in read_spans(self.spans.parent))

    def stop(self) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.kill()
            self._running.wait()


def second_processes(stack: RunningStack, spans: Path) -> list[Process]:
    """One more of each service, and last a gateway before both; not started yet."""
    folder, ports = stack.folder, stack.state.ports
    secrets = folder.secrets()
    own = {name: f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    addresses = Addresses(
        **own, gateway=stack.gateway_url, identity_provider=stack.state.identity_provider_url
    )
    deployment = Deployment(KeyRing(folder.keys), addresses, secrets.webhook, "local")
    admin = Postgres(folder.postgres).admin_url

    def second(service: str, deployment: Deployment, **options: Any) -> Process:
        made = {"secret": secrets.services[service], "telemetry_file": spans / service / "s.jsonl"}
        environment = service_environment(service, deployment, **made, **options)
        environment[f"{service}_drain_seconds".upper()] = DRAIN_SECONDS
        environment |= bytecode_environment(folder.path / "bytecode")
        return Process(service, free_port(), environment, made["telemetry_file"])

    replicas = [
        second(name, deployment, database=service_database(admin, name, name, secrets.roles))
        for name in SERVICES
    ]
    both = {r.service: f"{own[r.service]},http://127.0.0.1:{r.port}" for r in replicas}
    twofold = replace(deployment, addresses=replace(addresses, **both))
    gateway = second("gateway", twofold)
    # Its keys are fetched from one address.
    single = service_environment("gateway", deployment, secret=secrets.services["gateway"])
    gateway.environment["GATEWAY_ISSUERS"] = single["GATEWAY_ISSUERS"]
    return [*replicas, gateway]


@contextmanager
def running(processes: list[Process]) -> Iterator[None]:
    with ExitStack() as stopping:
        for process in processes:
            stopping.callback(process.stop)
            process.begin()
        for process in processes:
            process.wait_until_ready()
        yield


@dataclass
class Load:
    """Clients behind a load balancer, which knows the gateways' ports."""

    ports: list[int]
    tokens: dict[str, str]
    ready: list[int] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self.ready = [port for port in self.ports if status_of(port, "/health/ready") == 200]
        with ThreadPoolExecutor(len(WORK) + 1) as pool:
            jobs = [pool.submit(self._work, number) for number in range(len(WORK))]
            jobs.append(pool.submit(self._balance))
            try:
                yield
            finally:
                self._enough.set()
            for job in jobs:
                job.result()

    def reaches(self, port: int) -> None:
        """Return when the gateway at `port` has had its share of some requests."""
        give_up = time.monotonic() + START_SECONDS
        enough = self.answers.total() + 30
        while port not in self.ready or self.answers.total() < enough:
            assert time.monotonic() < give_up, "no request goes there"
            time.sleep(0.1)

    def _balance(self) -> None:
        while not self._enough.wait(PROBE_SECONDS):
            self.ready = [port for port in self.ports if status_of(port, "/health/ready") == 200]

    def _work(self, number: int) -> None:
        persona, method, path, body = WORK[number]
        headers = {"Authorization": f"Bearer {self.tokens[persona]}"}
        with httpx.Client(
            headers=headers, timeout=30, trust_env=False, verify=NO_AUTHORITIES
        ) as client:
            turn = number
            while not self._enough.wait(PAUSE_SECONDS):
                turn += 1
                # When none is, all are asked, as load balancers do: a late probe is no outage.
                ready = self.ready or self.ports
                port = ready[turn % len(ready)]
                try:
                    answer = client.request(method, f"http://127.0.0.1:{port}{path}", json=body)
                except httpx.TransportError as failure:
                    self.broken.append(f"{method} {path}: {failure!r}")
                else:
                    self.answers[f"{method} {path}", answer.status_code] += 1


@pytest.fixture
def tokens(stack: RunningStack) -> dict[str, str]:
    return {persona: stack.token(persona) for persona, *_ in WORK}


def test_replacing_every_service_and_the_gateway_costs_no_request(
    stack: RunningStack, tokens: dict[str, str], tmp_path: Path
) -> None:
    processes = second_processes(stack, tmp_path)
    load = Load([processes[-1].port, stack.state.ports["gateway"]], tokens)
    with load.going_on(), running(processes):
        load.reaches(processes[-1].port)
        for process in processes:
            process.leave()
    assert load.broken == []
    assert {status for _, status in load.answers} <= {200, 201}, load.answers
    assert {name for name, _ in load.answers} == {f"{m} {p}" for _, m, p, _ in WORK}
    assert [process.service for process in processes if not process.answered()] == []
