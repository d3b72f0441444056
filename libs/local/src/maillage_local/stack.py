"""The whole suite on one machine: what runs, in which order, and what is loaded."""

import asyncio
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx

from maillage_common import clock
from maillage_local.bytecode import bytecode_environment
from maillage_local.console import Output
from maillage_local.data_folder import DataFolder, State
from maillage_local.databases import (
    DATABASE_SERVICES,
    ServiceDatabase,
    administration,
    app_role,
    ensure_database,
    ensure_roles,
    owner_role,
    service_database,
)
from maillage_local.demo.generate import write_demo
from maillage_local.environment import (
    SERVICES,
    Addresses,
    Deployment,
    KeyRing,
    service_environment,
)
from maillage_local.loopback import NO_AUTHORITIES
from maillage_local.postgres import Postgres, write_private
from maillage_local.supervisor import Command, StackFailed, Supervisor

READY_SECONDS = 120.0
LOOK_SECONDS = 0.1
LARGEST_TELEMETRY = 100 * 2**20


class Stack:
    """Starts and stops everything on one data folder, whose lock the caller holds."""

    def __init__(
        self, folder: DataFolder, output: Output, *, gateway_port: int, with_demo: bool
    ) -> None:
        self._folder = folder
        self._output = output
        self.with_demo = with_demo
        folder.ensure()
        self._secrets = folder.secrets()
        self.ports = folder.ports(gateway_port)
        self._deployment = Deployment(
            KeyRing.ensure(folder.keys),
            _addresses(self.ports),
            self._secrets.webhook,
            "local",
        )
        log = folder.logs / "postgres.log"
        self.supervisor = Supervisor(Postgres(folder.postgres, log=log), output)
        self._marks = Marks(folder.loaded)
        self._bytecode = bytecode_environment(folder.path / "bytecode")

    async def start(self) -> None:
        """Return when the gateway says that every service is ready. Raises StackFailed."""
        self._rotate_telemetry()
        self._keep_identity_provider()
        await self.supervisor.start_postgres()
        databases = self._ensure_databases()
        await self._start_services(databases)
        self.supervisor.keep(self._command("gateway", "serve", None))
        self._publish_state(ready=False)
        await self._wait_until_ready()
        # Jobs can wait two seconds, and people need not: starting costs mostly processor time.
        for service, database in databases.items():
            self.supervisor.keep(self._command(service, "worker", database))
        self._publish_state(ready=True)

    async def watch(self) -> None:
        """Keep the published state true, until cancelled or something is beyond keeping."""
        while True:
            await asyncio.sleep(1)
            self.supervisor.check_keepers()
            self._publish_state(ready=True)

    def _ensure_databases(self) -> dict[str, ServiceDatabase]:
        roles, admin_url = self._secrets.roles, self.supervisor.postgres.admin_url
        with administration(admin_url) as admin:
            for service in DATABASE_SERVICES:
                own = {role: roles[role] for role in (owner_role(service), app_role(service))}
                ensure_roles(admin, service, own)
                if ensure_database(admin, service, service):
                    self._marks.forget(service)
        return {
            service: service_database(admin_url, service, service, roles)
            for service in DATABASE_SERVICES
        }

    async def _start_services(self, databases: Mapping[str, ServiceDatabase]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ensure_revocation_list())
                for service, database in databases.items():
                    group.create_task(self._start_service(service, database))
        except ExceptionGroup as failures:
            # The others were cancelled for it: one reason is what the reader needs.
            raise failures.exceptions[0] from failures

    async def _ensure_revocation_list(self) -> None:
        keys = self._deployment.keys
        if not keys.revocation_list.exists():
            options = keys.revocation_options
            await self.supervisor.run(self._command("gateway", "revoke", None, *options, "renew"))

    async def _start_service(self, service: str, database: ServiceDatabase) -> None:
        await self._migrate(service, database)
        if service == "directory":
            await self._load(database)
        self.supervisor.keep(self._command(service, "serve", database))

    async def _migrate(self, service: str, database: ServiceDatabase) -> None:
        migrations = _package(service).parents[1] / "migrations"
        await self._once(
            f"{service} migrate",
            digest(migrations.rglob("*.py")),
            self._command(service, "migrate", database),
        )

    async def _load(self, database: ServiceDatabase) -> None:
        """Reference data, then demo records; each only when its files have changed."""
        package = _package("directory")
        loader = [*(package / "reference").rglob("*"), *(package / "loading").rglob("*.py")]
        reference = self._command("directory", "load-reference", database)
        await self._once("directory load-reference", digest(loader), reference)
        if not self.with_demo:
            return
        # As of today, so that opening hours, capacity and checks are not stale in the demo.
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        write_demo(self._folder.demo_records, as_of=today)
        records = self._command("directory", "load", database, str(self._folder.demo_records))
        await self._once("directory load", digest([*loader, self._folder.demo_records]), records)

    async def _once(self, step: str, state: str, command: Command) -> None:
        if self._marks.is_done(step, state):
            return
        self._output.note(step)
        await self.supervisor.run(command)
        self._marks.done(step, state)

    def _command(
        self, service: str, verb: str, database: ServiceDatabase | None, *arguments: str
    ) -> Command:
        environment = service_environment(
            service,
            self._deployment,
            secret=self._secrets.services[service],
            database=database,
            telemetry_file=self._folder.telemetry / f"{service}.jsonl",
        )
        if verb != "migrate":
            # What serves requests does not hold the owner's password.
            environment.pop(f"{service}_MIGRATION_DATABASE_URL".upper(), None)
        program = [sys.executable, "-m", f"maillage_{service}", verb, *arguments]
        if verb == "serve":
            # No load balancer here that would have to hear of it first.
            environment[f"{service}_DRAIN_SECONDS".upper()] = "0"
            program += ["--port", str(self.ports[service])]
        name = service if verb == "serve" else f"{service}-{verb}"
        return Command(name, program, environment | self._bytecode)

    def _keep_identity_provider(self) -> None:
        name = "identity-provider"
        program = [sys.executable, "-m", "maillage_local.identity_provider"]
        options = ["--data-dir", str(self._folder.path), "--port", str(self.ports[name])]
        self.supervisor.keep(Command(name, [*program, *options], self._bytecode))

    async def _wait_until_ready(self) -> None:
        urls = [
            f"{self._deployment.addresses.gateway}/health/ready",
            f"{self._deployment.addresses.identity_provider}/.well-known/openid-configuration",
        ]
        last = "no answer"
        try:
            async with (
                asyncio.timeout(READY_SECONDS),
                httpx.AsyncClient(timeout=5, trust_env=False, verify=NO_AUTHORITIES) as client,
            ):
                while urls:
                    self.supervisor.check_crashes()
                    try:
                        answer = await client.get(urls[0])
                    except httpx.TransportError:
                        pass
                    else:
                        last = answer.text[:500]
                        if answer.status_code == httpx.codes.OK:
                            del urls[0]
                            continue
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as late:
            raise StackFailed(f"not ready after {READY_SECONDS:.0f} s: {last}") from late

    def _publish_state(self, *, ready: bool) -> None:
        supervisor = self.supervisor
        processes: dict[str, dict[str, int | None]] = {
            "postgres": {
                "pid": supervisor.postgres.pid,
                "restarts": supervisor.postgres_restarts,
            }
        }
        for name, child in supervisor.children.items():
            processes[name] = {"pid": child.pid, "restarts": child.restarts}
        self._folder.write_state(State(os.getpid(), ready, self.ports, processes))

    def _rotate_telemetry(self) -> None:
        for service in SERVICES:
            path = self._folder.telemetry / f"{service}.jsonl"
            if path.exists() and path.stat().st_size > LARGEST_TELEMETRY:
                path.unlink()


class Marks:
    """Which steps were done on this data folder, and on what input."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, str] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def is_done(self, step: str, state: str) -> bool:
        return self._done.get(step) == state

    def done(self, step: str, state: str) -> None:
        self._done[step] = state
        self._save()

    def forget(self, service: str) -> None:
        """The service's database is new: nothing was done on it."""
        self._done = {
            step: state for step, state in self._done.items() if not step.startswith(f"{service} ")
        }
        self._save()

    def _save(self) -> None:
        write_private(self._path, json.dumps(self._done, indent=2))


def _addresses(ports: Mapping[str, int]) -> Addresses:
    return Addresses(
        **{name.replace("-", "_"): f"http://127.0.0.1:{port}" for name, port in ports.items()}
    )


def digest(paths: Iterable[Path]) -> str:
    """A hash of the names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file() and path.suffix != ".pyc"):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _package(service: str) -> Path:
    found = importlib.util.find_spec(f"maillage_{service}")
    if found is None or found.origin is None:
        raise StackFailed(f"the package maillage_{service} is not installed")
    return Path(found.origin).parent
