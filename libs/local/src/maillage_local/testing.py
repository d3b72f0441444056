"""pytest plugin: a service on real PostgreSQL, called as the gateway would call it.

In `services/X/tests/conftest.py`: `pytest_plugins = ["maillage_local.testing"]` and a session
fixture `service` returning "X". Then:

    async def test_refuses_without_consent(client, as_caller):
        answer = await client.get("/referrals/v1/inbox", headers=as_caller(scope="referrals:read"))

PostgreSQL is the first of: the server of MAILLAGE_TEST_DATABASE_URL (a superuser's URL), a
container when a Docker engine answers, the embedded server. Every test that asks for `database`
gets a copy of the migrated template with the real roles: what it commits is seen and then dropped.
"""

import asyncio
import gc
import hashlib
import hmac
import importlib
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url

from maillage_local.asgi import Lifespan
from maillage_local.callers import CallerHeaders, Headers, ServiceHeaders, TokenPress, bearer
from maillage_local.clones import Clones
from maillage_local.databases import (
    ServiceDatabase,
    administration,
    app_role,
    create_database,
    drop_database,
    ensure_roles,
    owner_role,
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
from maillage_local.scratch import scratch_folder

SERVER_VARIABLE = "MAILLAGE_TEST_DATABASE_URL"
RUN_JOBS_SECONDS = 60
# Port 9 (discard) refuses at once: a test that reaches for a peer it did not fake fails fast.
NOWHERE = "http://127.0.0.1:9"


def pytest_configure() -> None:
    """Collecting imports the whole service: looking for garbage meanwhile finds none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported stays: collections during the tests need not walk it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A superuser's URL of the server this run uses."""
    given = os.environ.get(SERVER_VARIABLE)
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
    elif _docker_answers():
        yield from _container()
    else:
        # Not below tmp_path_factory: its long path leaves no room for the socket's name.
        with scratch_folder() as folder:
            server = Postgres(folder, durable=False)
            server.start()
            yield server.admin_url
            server.stop()


def _docker_answers() -> bool:
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return False
    docker: Any = importlib.import_module("docker")
    try:
        docker.from_env(timeout=3).ping()
    except docker.errors.DockerException:
        return False
    return True


def _container() -> Iterator[URL]:
    from testcontainers.community.postgres import PostgresContainer

    options = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    container = PostgresContainer("postgres:18", driver="psycopg")
    container.with_command(f"postgres {options} -c max_connections=200")
    with container as running:
        yield make_url(running.get_connection_url())


@pytest.fixture(scope="session")
def administrator(postgres: URL) -> Iterator[psycopg.Connection]:
    """One superuser's connection for the whole run: opening one costs as much as a small query."""
    with administration(postgres) as admin:
        yield admin


@pytest.fixture(scope="session")
def role_passwords(postgres: URL, service: str) -> dict[str, str]:
    """Passwords of the service's two roles: the same in every run that shares the server."""
    root = str(postgres.password).encode()
    return {
        role: hmac.new(root, role.encode(), hashlib.sha256).hexdigest()
        for role in (owner_role(service), app_role(service))
    }


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Throw-away signing keys of the gateway and the services."""
    return KeyRing.ensure(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def deployment(keys: KeyRing) -> Deployment:
    """What the service is told about its neighbours, none of which is there."""
    addresses = Addresses("http://127.0.0.1:8000", NOWHERE, NOWHERE, NOWHERE, NOWHERE)
    return Deployment(keys, addresses, new_webhook_secret(), "test")


@pytest.fixture(scope="session")
def fill_template() -> Callable[[ServiceDatabase], None]:
    """Writes what every test's database begins with; a service's own fixture replaces this one."""
    return lambda _: None


@pytest.fixture(scope="session")
def template_database(
    administrator: psycopg.Connection,
    postgres: URL,
    service: str,
    role_passwords: dict[str, str],
    deployment: Deployment,
    fill_template: Callable[[ServiceDatabase], None],
) -> Iterator[ServiceDatabase]:
    """The service's schema, made once by its own `migrate` command as the owner, and filled."""
    name = f"test_{service}_{uuid.uuid4().hex[:8]}"
    ensure_roles(administrator, service, role_passwords)
    create_database(administrator, service, name)
    made = service_database(postgres, service, name, role_passwords)
    settings = service_environment(service, deployment, secret=new_secret(), database=made)
    migrated = subprocess.run(
        [sys.executable, "-m", f"maillage_{service}", "migrate"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if migrated.returncode != 0:
        pytest.exit(f"migrations of {service} failed:\n{migrated.stdout}{migrated.stderr}", 3)
    fill_template(made)
    yield made
    drop_database(administrator, name)


@pytest.fixture(scope="session")
def clones(
    administrator: psycopg.Connection,
    postgres: URL,
    service: str,
    role_passwords: dict[str, str],
    template_database: ServiceDatabase,
) -> Iterator[Clones]:
    """Where the tests' databases come from."""
    made = Clones(administrator, postgres, service, template_database, role_passwords)
    yield made
    made.close()


@pytest.fixture
def database(clones: Clones) -> Iterator[ServiceDatabase]:
    """This test's own database, with `.name`, `.owner_url` and `.app_url`."""
    taken = clones.take()
    yield taken
    clones.give_back(taken)


@pytest.fixture(scope="session")
def spans_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where spans go, one JSON object a line; one file a run, as telemetry is set up once."""
    return tmp_path_factory.mktemp("telemetry") / "spans.jsonl"


@pytest.fixture
def environment(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    deployment: Deployment,
    spans_file: Path,
) -> dict[str, str]:
    """The service's settings for this test, set in the environment."""
    database = None if service == "gateway" else request.getfixturevalue("database")
    settings = service_environment(
        service,
        deployment,
        secret=new_secret(),
        database=database,
        telemetry_file=spans_file,
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest_asyncio.fixture
async def running(service: str, environment: dict[str, str]) -> AsyncIterator[Lifespan]:
    """The service's application between its startup and its shutdown."""
    application = importlib.import_module(f"maillage_{service}.main").create()
    async with Lifespan(application) as lifespan:
        yield lifespan


@pytest.fixture
def app(running: Lifespan) -> Any:
    """What `maillage_X.main.create()` returned, started."""
    return running.application


@pytest_asyncio.fixture
async def client(running: Lifespan) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the application in process; an unhandled error is raised in the test itself."""
    transport = httpx.ASGITransport(running)
    async with httpx.AsyncClient(transport=transport, base_url="http://maillage.test") as made:
        yield made


@pytest.fixture(scope="session")
def token_press(keys: KeyRing) -> TokenPress:
    return TokenPress(keys)


@pytest.fixture
def as_caller(service: str, token_press: TokenPress) -> CallerHeaders:
    """`as_caller(sub=…, scope="a b", org=…, tenant=…, function=…, client_id="app")`."""

    def headers(
        *,
        sub: str = "person",
        scope: str = "",
        org: str | None = None,
        tenant: str | None = None,
        function: str | None = None,
        client_id: str = "app",
    ) -> Headers:
        claims = {
            "sub": sub,
            "client_id": client_id,
            "scope": scope,
            "org": org,
            "tenant": tenant,
            "function": function,
        }
        return bearer(token_press.press("gateway", service, claims))

    return headers


@pytest.fixture
def as_anonymous(service: str, token_press: TokenPress) -> Callable[[], Headers]:
    """Headers of an open route's caller without a token."""
    claims = {"sub": "anonymous", "client_id": "anonymous"}
    return lambda: bearer(token_press.press("gateway", service, claims))


@pytest.fixture
def as_service(service: str, token_press: TokenPress) -> ServiceHeaders:
    """`as_service("campaigns", scope="…", on_behalf={"sub": …, "scope": …})`.

    `on_behalf` are the claims of the person's token, which the gateway minted for the caller.
    """

    def headers(
        name: str, *, scope: str = "", on_behalf: Mapping[str, str | None] | None = None
    ) -> Headers:
        own = {"sub": name, "client_id": name, "scope": scope}
        made = bearer(token_press.press(name, service, own))
        if on_behalf is not None:
            person = {"sub": "person", "client_id": "app", **on_behalf}
            made["Maillage-Subject-Token"] = token_press.press("gateway", name, person)
        return made

    return headers


@pytest.fixture
def run_jobs(
    service: str, environment: dict[str, str], database: ServiceDatabase
) -> Callable[[], Coroutine[Any, Any, None]]:
    """`await run_jobs()`: the service's worker, in process, until no job is due."""
    queue = importlib.import_module(f"maillage_{service}.jobs").queue
    settings = importlib.import_module(f"maillage_{service}.settings").Settings()

    async def run() -> None:
        async with asyncio.timeout(RUN_JOBS_SECONDS):
            # One pass ends while jobs behind a lock still wait for their turn.
            while await _due_jobs(database.app_url):
                await queue.run(settings, wait=False)

    return run


async def _due_jobs(url: str) -> int:
    conninfo = driver_url(make_url(url))
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        due = await connection.execute(
            "SELECT count(*) FROM procrastinate_jobs"
            " WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
        )
        row = await due.fetchone()
    return int(row[0]) if row else 0


@dataclass
class Queries:
    """The SQL statements sent while counting."""

    statements: list[str]

    @property
    def count(self) -> int:
        return len(self.statements)


@pytest.fixture
def query_counter() -> Callable[[], Any]:
    """`with query_counter() as queries: …` then `queries.count` and `queries.statements`.

    Counts what goes through SQLAlchemy and the hot reads of `maillage_common.reading` in this
    process; COPY and other calls of psycopg are not seen.
    """

    @contextmanager
    def counting() -> Iterator[Queries]:
        queries = Queries([])

        def note(_: Connection, __: Any, statement: str, *rest: Any) -> None:
            queries.statements.append(statement)

        async def note_read(cursor: Any, statement: Any, *rest: Any, **options: Any) -> Any:
            queries.statements.append(str(statement))
            return await psycopg.AsyncCursor.execute(cursor, statement, *rest, **options)

        event.listen(Engine, "before_cursor_execute", note)
        # Only hot reads use this class, and nothing else tells of them.
        psycopg.AsyncRawCursor.execute = note_read  # type: ignore[method-assign, assignment]
        try:
            yield queries
        finally:
            del psycopg.AsyncRawCursor.execute
            event.remove(Engine, "before_cursor_execute", note)

    return counting
