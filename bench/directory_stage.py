"""What the directory's benchmarks share: a server, seeded databases, the service, clients."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import URL

from maillage_common import migrations
from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_directory import projection
from maillage_directory.loading.reference import write_reference_tables
from maillage_local.callers import TokenPress, bearer
from maillage_local.databases import (
    ServiceDatabase,
    administration,
    create_database,
    ensure_roles,
    service_database,
)
from maillage_local.environment import (
    Addresses,
    Deployment,
    KeyRing,
    new_secret,
    new_webhook_secret,
    service_environment,
)
from maillage_local.postgres import Postgres, driver_url

SEED = Path(__file__).with_name("directory_seed.sql")
# As many services as a commune of the seed has.
IN_A_COMMUNE = 200
ORGANIZATIONS_AT_ONCE = 5000
NOWHERE = "http://127.0.0.1:9"
PASSWORDS = {"directory_owner": "bench", "directory_app": "bench"}


@dataclass
class Stage:
    """A PostgreSQL server in `folder` with a seeded database for each size asked for."""

    folder: Path
    server: Postgres
    keys: KeyRing
    made: dict[int, ServiceDatabase] = field(default_factory=dict)

    @property
    def admin_url(self) -> URL:
        return self.server.admin_url

    def database(self, services: int) -> ServiceDatabase:
        """The database with so many services, made at the first asking."""
        if services not in self.made:
            self.made[services] = _prepared(self.admin_url, services)
        return self.made[services]

    def headers(self, **claims: str) -> dict[str, str]:
        """Headers of a caller as the gateway would send them; anonymous without `claims`."""
        nobody = {"sub": "anonymous", "client_id": "anonymous"}
        return bearer(TokenPress(self.keys).press("gateway", "directory", claims or nobody))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A running server on `folder`, whose databases are used again when they are there."""
    # A quarter of what a machine for a million services would have; the rest of it caches files.
    memory = {"shared_buffers": "3GB", "maintenance_work_mem": "256MB"}
    server = Postgres(folder / "postgres", durable=False, settings=memory)
    server.start()
    try:
        yield Stage(folder, server, KeyRing.ensure(folder / "keys"))
    finally:
        server.stop()


def _prepared(admin_url: URL, services: int) -> ServiceDatabase:
    name = f"directory_{services}"
    made = service_database(admin_url, "directory", name, PASSWORDS)
    with administration(admin_url) as admin:
        ensure_roles(admin, "directory", PASSWORDS)
        known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if known:
            return made
        create_database(admin, "directory", name)
    started = time.perf_counter()
    migrations.migrate("directory", made.owner_url)
    superuser = admin_url.set(database=name)
    asyncio.run(_fill(superuser, services))
    print(f"seeded {services:,} services in {time.perf_counter() - started:,.0f} s", flush=True)
    return made


async def _fill(superuser: URL, services: int) -> None:
    """Rows by one script, then what is derived from them, in batches and without indexes."""
    database = Database(superuser.render_as_string(hide_password=False), pool_size=2)
    async with database.write(system=SystemReason.REFERENCE_DATA) as session:
        await write_reference_tables(session)
    sql = SEED.read_text(encoding="utf-8").replace(":services", str(services))
    sql = sql.replace(":communes", str(max(19, services // IN_A_COMMUNE)))
    with psycopg.connect(driver_url(superuser), autocommit=True) as admin:
        admin.execute(sql.encode())
        indexes = admin.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename = 'service_search' AND indexdef LIKE '%USING gin%'"
        ).fetchall()
        for index, _ in indexes:
            admin.execute(f'DROP INDEX "{index}"'.encode())
        async with database.write(system=SystemReason.IMPORT) as session:
            await projection.refresh_territories(session)
        await _derive(database, services // 4 + 1)
        for _, definition in indexes:
            admin.execute(definition.encode())
        admin.execute("VACUUM ANALYZE")
    await database.close()


async def _derive(database: Database, organizations: int) -> None:
    ids = [UUID(f"00000001-0000-7000-8000-{number:012x}") for number in range(organizations)]
    for start in range(0, organizations, ORGANIZATIONS_AT_ONCE):
        async with database.write(system=SystemReason.IMPORT) as session:
            connection = await session.connection()
            # No history of what was seeded.
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            chosen = ids[start : start + ORGANIZATIONS_AT_ONCE]
            await projection.refresh(session, organizations=chosen)


@dataclass
class Service:
    """The directory, one worker, in a process of its own."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def service(stage: Stage, database: ServiceDatabase) -> Iterator[Service]:
    """`python -m maillage_directory serve` on that database, until the block ends."""
    addresses = Addresses("http://127.0.0.1:8000", NOWHERE, NOWHERE, NOWHERE, NOWHERE)
    deployment = Deployment(stage.keys, addresses, new_webhook_secret(), "local")
    settings = service_environment("directory", deployment, secret=new_secret(), database=database)
    settings |= {"DIRECTORY_LOG_LEVEL": "WARNING", "DIRECTORY_TRACE_RATIO": "0.05"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "maillage_directory", "serve", "--port", str(port)],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield Service(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class Client(asyncio.Protocol):
    """Sends one request after another on one connection until told to stop."""

    def __init__(self, requests: Iterator[bytes], expected: bytes) -> None:
        self.requests, self.expected = requests, expected
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
        self.asked_at = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self.latencies.append(time.perf_counter() - self.asked_at)
        self.failures += self.expected not in head[:16]
        if self.stopping:
            self.transport.close()
        else:
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def request(method: str, path: str, headers: dict[str, str], body: Any = None) -> bytes:
    """One request of HTTP/1.1, as bytes; `body` is sent as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def load(
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    expected: bytes = b" 200 ",
) -> list[float]:
    """Latencies in seconds of every answer within the time."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: Client(requests, expected), "127.0.0.1", port
        )
        clients.append(client)
    await asyncio.sleep(seconds)
    latencies = [latency for client in clients for latency in client.latencies]
    for client in clients:
        client.stopping = True
    await asyncio.wait([client.done for client in clients], timeout=10)
    if failures := sum(client.failures for client in clients):
        sys.exit(f"{failures} answers were not{expected.decode()}")
    return latencies
