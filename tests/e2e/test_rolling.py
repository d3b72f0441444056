"""Every service and the gateway are replaced under load, one after the other: no request fails.

The stack's own processes are one replica of each service; beside them runs a second one, started
as the stack starts its own, but with seconds to drain. Clients go through a second gateway, which
knows both, and the stack's own. Each second process is stopped and started again meanwhile.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

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

SERVICES = ("directory", "referrals", "campaigns")
# Longer than the gateway's probes are apart, and a probe takes.
DRAIN_SECONDS = "2"
START_SECONDS = 120.0
PAUSE_SECONDS = 0.3
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
    """One process of a service that can be replaced by another like it, on the same port."""

    service: str
    port: int
    environment: dict[str, str]
    _running: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._running = subprocess.Popen(
            [sys.executable, "-m", f"maillage_{self.service}", "serve", "--port", str(self.port)],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while status_of(self.port, "/health/ready") != 200:
            assert time.monotonic() < give_up, f"{self.service} is not ready"
            time.sleep(0.2)

    def stop(self) -> None:
        assert self._running is not None
        self._running.terminate()
        self._running.wait(30)

    def replace(self) -> None:
        self.stop()
        self.begin()
        self.wait_until_ready()


def second_processes(stack: RunningStack) -> list[Process]:
    """One more of each service, and last a gateway before both; not started yet."""
    folder, ports = stack.folder, stack.state.ports
    secrets = folder.secrets()
    own = {name: f"http://127.0.0.1:{ports[name]}" for name in SERVICES}
    addresses = Addresses(
        **own, gateway=stack.gateway_url, identity_provider=stack.state.identity_provider_url
    )
    deployment = Deployment(KeyRing(folder.keys), addresses, secrets.webhook, "local")
    replicas = []
    for service in SERVICES:
        admin = Postgres(folder.postgres).admin_url
        database = service_database(admin, service, service, secrets.roles)
        environment = service_environment(
            service, deployment, secret=secrets.services[service], database=database
        )
        environment[f"{service}_drain_seconds".upper()] = DRAIN_SECONDS
        replicas.append(Process(service, free_port(), environment))
    both = {r.service: f"{own[r.service]},http://127.0.0.1:{r.port}" for r in replicas}
    twofold = replace(deployment, addresses=replace(addresses, **both))
    environment = service_environment("gateway", twofold, secret=secrets.services["gateway"])
    # Its keys are fetched from one address.
    single = service_environment("gateway", deployment, secret=secrets.services["gateway"])
    environment |= {"GATEWAY_ISSUERS": single["GATEWAY_ISSUERS"]}
    environment["GATEWAY_DRAIN_SECONDS"] = DRAIN_SECONDS
    processes = [*replicas, Process("gateway", free_port(), environment)]
    for process in processes:
        process.environment |= bytecode_environment(folder.path / "bytecode")
    return processes


@contextmanager
def running(processes: list[Process]) -> Iterator[None]:
    with ExitStack() as stopping:
        for process in processes:
            process.begin()
            stopping.callback(process.stop)
        for process in processes:
            process.wait_until_ready()
        yield


@dataclass
class Load:
    """Clients that go to the other gateway when they cannot connect, as a load balancer would."""

    ports: list[int]
    tokens: dict[str, str]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        with ThreadPoolExecutor(len(WORK)) as pool:
            jobs = [pool.submit(self._work, number) for number in range(len(WORK))]
            try:
                yield
            finally:
                self._enough.set()
            for job in jobs:
                job.result()

    def _work(self, number: int) -> None:
        persona, method, path, body = WORK[number]
        headers = {"Authorization": f"Bearer {self.tokens[persona]}"}
        with httpx.Client(
            headers=headers, timeout=30, trust_env=False, verify=NO_AUTHORITIES
        ) as client:
            turn = number
            while not self._enough.wait(PAUSE_SECONDS):
                turn += 1
                port = self.ports[turn % len(self.ports)]
                try:
                    answer = client.request(method, f"http://127.0.0.1:{port}{path}", json=body)
                except httpx.ConnectError:
                    continue
                except httpx.TransportError as failure:
                    self.broken.append(f"{method} {path}: {failure!r}")
                    continue
                self.answers[f"{method} {path}", answer.status_code] += 1


@pytest.fixture
def tokens(stack: RunningStack) -> dict[str, str]:
    return {persona: stack.token(persona) for persona, *_ in WORK}


def test_replacing_every_service_and_the_gateway_costs_no_request(
    stack: RunningStack, tokens: dict[str, str]
) -> None:
    processes = second_processes(stack)
    load = Load([processes[-1].port, stack.state.ports["gateway"]], tokens)
    with running(processes), load.going_on():
        for process in processes:
            process.replace()
    assert load.broken == []
    assert {status for _, status in load.answers} <= {200, 201}, load.answers
    assert {name for name, _ in load.answers} == {f"{m} {p}" for _, m, p, _ in WORK}
    assert load.answers.total() > 50
