import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_common.database import Database
from maillage_directory import projection
from maillage_directory.loading.outcome import Outcome
from maillage_directory.loading.reference import write_reference_tables
from maillage_directory.loading.service import load_records
from maillage_local.databases import ServiceDatabase

pytest_plugins = ["maillage_local.testing"]

SERVICES = "/directory/v1/services"


@pytest.fixture(scope="session")
def service() -> str:
    return "directory"


@pytest.fixture(scope="session")
def fill_template() -> Callable[[ServiceDatabase], None]:
    """The packaged codes and territories, which every test needs and few write."""

    async def fill(made: ServiceDatabase) -> None:
        database = Database(made.app_url, pool_size=1)
        async with database.write(system=SystemReason.REFERENCE_DATA) as session:
            await write_reference_tables(session)
        await database.close()

    return lambda made: asyncio.run(fill(made))


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


class Directory:
    """Writes records the way the loader does; names stand for ids."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def loads(self, *records: dict[str, Any]) -> Outcome:
        async with self.database.write(system=SystemReason.IMPORT) as session:
            return await load_records(session, [json.dumps(r).encode() for r in records])

    async def has(self, *records: dict[str, Any]) -> None:
        """Loads records, the organization `host` before them; all must be good."""
        outcome = await self.loads(self.organization("host"), *records)
        assert outcome.rejected == []

    async def refreshes(self) -> None:
        async with self.database.write(system=SystemReason.IMPORT) as session:
            await projection.refresh(session)

    async def settles(self) -> None:
        """Other tests' transactions on the same server end: until then the feed rightly waits."""
        waiting = text(
            "SELECT COALESCE(max(xid), 0) >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " FROM change WHERE origin = feed_origin()"
        )
        async with asyncio.timeout(60), self.database.read() as session:
            connection = await session.connection()
            while (await connection.execute(waiting)).scalar_one():
                await asyncio.sleep(0)

    @staticmethod
    def organization(name: str = "host", /, **fields: Any) -> dict[str, Any]:
        return {
            "type": "organization",
            "id": id_of(f"organization {name}"),
            "source": "test",
            "name": {"fr": name},
            "kind": "association",
            "visibility": "public",
            **fields,
        }

    @staticmethod
    def service(name: str, /, *, of: str = "host", **fields: Any) -> dict[str, Any]:
        return {
            "type": "service",
            "id": id_of(f"service {name}"),
            "source": "test",
            "organization": id_of(f"organization {of}"),
            "name": {"fr": name},
            "visibility": "public",
            **fields,
        }

    @staticmethod
    def place(latitude: float, longitude: float, /, **fields: Any) -> dict[str, Any]:
        return {"latitude": latitude, "longitude": longitude, **fields}

    @staticmethod
    def id(kind: str, name: str) -> UUID:
        return UUID(id_of(f"{kind} {name}"))


@pytest.fixture
async def directory(app: Any) -> Directory:
    return Directory(app.state.database)


@pytest.fixture
def search(client: Any, as_anonymous: Any) -> Callable[..., Any]:
    """`await search(spoken="ar", headers=…)`: the page; by POST, as pages of ours do."""

    async def run(headers: dict[str, str] | None = None, **asked: Any) -> dict[str, Any]:
        answer = await client.post(
            f"{SERVICES}/search", json=asked, headers=headers or as_anonymous()
        )
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    return run


@pytest.fixture
def found(search: Any) -> Callable[..., Any]:
    """The names found, in order."""

    async def run(headers: dict[str, str] | None = None, **asked: Any) -> list[str]:
        page = await search(headers, **asked)
        return [item["label"] for item in page["items"]]

    return run


@pytest.fixture
def professional(as_caller: Any) -> dict[str, str]:
    headers: dict[str, str] = as_caller(sub="partner", client_id="partner", scope="directory:read")
    return headers


@pytest.fixture
def admin(as_caller: Any) -> dict[str, str]:
    headers: dict[str, str] = as_caller(
        sub="admin", scope="directory:read directory:write directory:verify directory:admin"
    )
    return headers


@pytest.fixture
def editor(as_caller: Any) -> Callable[..., dict[str, str]]:
    def headers(of: str = "host") -> dict[str, str]:
        made: dict[str, str] = as_caller(
            sub="editor", scope="directory:read directory:write", org=id_of(f"organization {of}")
        )
        return made

    return headers


@pytest.fixture
def whole_service() -> dict[str, Any]:
    """A service with every member HSDS and our profile have."""
    from services.directory.tests.api.test_whole_records import SERVICE

    return dict(SERVICE)
