"""Every process of the path is replaced under load, one after the other: no request fails."""

import asyncio
import json
import os
import socket
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

REPLICA = Path(__file__).parents[1] / "replica.py"
DRAIN_SECONDS = 1.5  # longer than the gateway's probes are apart
CLIENTS = 4


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def status_of(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


class Process:
    """A process on a port of its own that can be replaced by another like it."""

    def __init__(self, *command, port, environment=None):
        self.port = port
        self._command = [sys.executable, *command]
        self._environment = os.environ | (environment or {})

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while True:
                try:
                    if await status_of(self.port, "/health/ready") == 200:
                        return
                except (OSError, IndexError):
                    pass
                await asyncio.sleep(0.05)

    async def stop(self):
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 20)

    @asynccontextmanager
    async def kept(self):
        try:
            await self.start()
            yield self
        finally:
            await self.stop()


class Load:
    """Clients that keep their connections, and go elsewhere when one is closed after an answer."""

    def __init__(self, ports):
        self.ports = ports
        self.answers = 0
        self.failures = []
        self.is_over = False

    async def run(self, number):
        turn = number
        while not self.is_over:
            turn += 1
            try:
                streams = await asyncio.open_connection("127.0.0.1", self.ports[turn % 2])
            except OSError:
                continue  # as a load balancer would: nothing was sent
            try:
                await self._use(*streams, number)
            except (OSError, asyncio.IncompleteReadError, ValueError) as failure:
                self.failures.append(repr(failure))
            finally:
                streams[1].close()

    async def _use(self, reader, writer, number):
        while not self.is_over:
            # Half of them post without an Idempotency-Key: nobody may send those again.
            body = b"x" * 100 if number % 2 else b""
            target = b"POST /directory/v1/services/search" if body else b"GET /directory/v1/needs"
            writer.write(
                b"%s HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (target, len(body)) + body
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            self.answers += 1
            if b" 200 " not in head[:16]:
                self.failures.append(head[:40])
            if b"connection: close" in head:
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def environment(issuer, signing_key, tmp_path):
    generous = "per_second = 100000, burst = 100000"
    policy = tmp_path / "policy.toml"
    packaged = Path(__file__).parents[2] / "src" / "maillage_gateway" / "policy.toml"
    lines = packaged.read_text("utf-8").splitlines()
    policy.write_text(
        "\n".join(
            f"{line.partition('{')[0]}{{ {generous} }}"
            if line.startswith(("client = ", "stranger = "))
            else line
            for line in lines
        )
    )
    trusted = {
        "issuer": issuer.name,
        "jwks_uri": f"{issuer.source.url}/jwks.json",
        "algorithms": ["ES256"],
    }
    return {
        "GATEWAY_SIGNING_KEY_FILE": str(signing_key),
        "GATEWAY_ISSUERS": json.dumps([trusted]),
        "GATEWAY_POLICY_FILE": str(policy),
        "GATEWAY_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }


class TestRollingRestart:
    async def test_of_service_and_gateway_costs_no_request(self, environment):
        async with AsyncExitStack() as stack:
            ports = [free_port() for _ in range(4)]
            replicas = [
                Process(str(REPLICA), str(port), str(DRAIN_SECONDS), port=port)
                for port in ports[:2]
            ]
            addresses = ",".join(f"http://127.0.0.1:{replica.port}" for replica in replicas)
            services = ("DIRECTORY", "REFERRALS", "CAMPAIGNS")
            urls = {f"GATEWAY_{service}_URL": addresses for service in services}
            command = ("-m", "maillage_gateway", "serve", "--port")
            gateways = [
                Process(*command, str(port), port=port, environment=environment | urls)
                for port in ports[2:]
            ]
            await asyncio.gather(*(stack.enter_async_context(r.kept()) for r in replicas))
            await asyncio.gather(*(stack.enter_async_context(g.kept()) for g in gateways))
            load = Load([gateway.port for gateway in gateways])
            clients = [asyncio.create_task(load.run(number)) for number in range(CLIENTS)]
            for process in [*replicas, gateways[0]]:
                await process.stop()
                await process.start()
            load.is_over = True
            await asyncio.gather(*clients)
        assert load.failures == []
        assert load.answers > 100
