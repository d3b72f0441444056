"""The feed: complete under concurrent writers, honest with each layer, resumable for months."""

import asyncio
import json
import random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_common.pagination import Cursors
from maillage_directory.loading.service import load_records

CHANGES = "/directory/v1/changes"


class Copy:
    """What a consumer of the feed holds."""

    def __init__(self, client: Any, directory: Any, headers: Any) -> None:
        self.client, self.directory, self.headers = client, directory, headers
        self.since: str | None = None
        self.records: dict[str, Any] = {}
        self.buried: dict[str, Any] = {}
        self.items: list[dict[str, Any]] = []

    async def page(self, limit: int = 3) -> bool:
        params = {"limit": limit} | ({"since": self.since} if self.since else {})
        answer = await self.client.get(CHANGES, params=params, headers=self.headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for item in page["items"]:
            self.items.append(item)
            if "record" in item:
                self.records[item["id"]] = item["record"]
                self.buried.pop(item["id"], None)
            else:
                self.records.pop(item["id"], None)
                self.buried[item["id"]] = item
        self.since = page["next_cursor"]
        return bool(page["has_more"])

    async def catches_up(self) -> list[dict[str, Any]]:
        """Reads until nothing is left; gives what was new."""
        await self.directory.settles()
        seen = len(self.items)
        while await self.page():
            pass
        return self.items[seen:]


@pytest.fixture
def copy(client: Any, directory: Any) -> Any:
    return lambda headers: Copy(client, directory, headers)


class TestFeed:
    async def test_gives_everything_once_then_only_what_changed(
        self, directory: Any, copy: Any, as_anonymous: Any, client: Any, editor: Any
    ) -> None:
        await directory.has(*(directory.service(f"s{n}") for n in range(7)))
        public = copy(as_anonymous())
        first = await public.catches_up()
        assert len({item["id"] for item in first}) == len(first) == 8
        assert await public.catches_up() == []
        changed = directory.id("service", "s3")
        await client.patch(
            f"/directory/v1/services/{changed}",
            json={"cost": "free"},
            headers={**editor(), "If-Match": "*"},
        )
        (again,) = await public.catches_up()
        assert again["record"]["cost"] == "free"
        read = await client.get(f"/directory/v1/services/{changed}", headers=as_anonymous())
        assert again["record"] == read.json()
        only = await client.get(f"{CHANGES}?type=organization", headers=as_anonymous())
        assert [item["type"] for item in only.json()["items"]] == ["organization"]

    async def test_misses_nothing_though_commits_come_in_another_order_than_numbers(
        self, directory: Any, copy: Any, as_anonymous: Any
    ) -> None:
        await directory.has()
        public = copy(as_anonymous())
        await public.catches_up()
        early, late = directory.service("early"), directory.service("late")
        async with directory.database.write(system=SystemReason.IMPORT) as slow:
            await load_records(slow, [_line(early)])
            await directory.loads(late)
            # `late` is committed with the higher number; `early` could still come before it.
            while await public.page():
                pass
            assert early["id"] not in public.records
            assert late["id"] not in public.records
        await public.catches_up()
        assert {early["id"], late["id"]} <= set(public.records)

    async def test_replays_to_an_identical_copy_under_concurrent_writers(
        self, directory: Any, copy: Any, as_anonymous: Any, client: Any
    ) -> None:
        await directory.has()
        rolled = random.Random(7)
        names = [f"s{n}" for n in range(6)]
        public = copy(as_anonymous())
        turn = asyncio.Lock()

        async def writes(lot: int) -> None:
            for step in range(4):
                async with directory.database.write(system=SystemReason.IMPORT) as session:
                    for name in sorted(rolled.sample(names, 2)):
                        record = directory.service(
                            name,
                            description={"fr": f"{lot} {step}"},
                            visibility=rolled.choice(["public", "public", "own"]),
                        )
                        await load_records(session, [_line(record)])
                    if rolled.random() < 0.2:
                        await _delete(session, directory.id("service", rolled.choice(names)))
                    await asyncio.sleep(0)
                async with turn:
                    await public.page(limit=2)

        for outcome in await asyncio.gather(*(writes(n) for n in range(3)), return_exceptions=True):
            # PostgreSQL may refuse one of two that delete and write each other's rows.
            assert outcome is None or "deadlock" in str(outcome), outcome
        await public.catches_up()
        page = await client.get("/directory/v1/services?limit=100", headers=as_anonymous())
        present = {item["id"]: item for item in page.json()["items"]}
        held = {key: record for key, record in public.records.items() if "needs" in record}
        assert held.keys() == present.keys()
        for key, record in held.items():
            assert record["description"] == present[key]["description"]
            assert record["version"] == present[key]["version"]

    async def test_tells_each_layer_what_left_it_and_nothing_it_never_saw(
        self, directory: Any, copy: Any, as_anonymous: Any, professional: Any, editor: Any
    ) -> None:
        await directory.has(
            directory.service("moving"), directory.service("draft", visibility="own")
        )
        public, worker, owner = copy(as_anonymous()), copy(professional), copy(editor())
        for reader in (public, worker, owner):
            await reader.catches_up()
        moving, draft = (str(directory.id("service", name)) for name in ("moving", "draft"))
        assert draft not in public.records
        assert draft in owner.records

        await directory.loads(directory.service("moving", visibility="professional"))
        (gone,) = await public.catches_up()
        assert gone.keys() == {"id", "type", "changed_at", "deleted_at"}
        (kept,) = await worker.catches_up()
        assert kept["record"]["visibility"] == "professional"

        await directory.loads(directory.service("moving", visibility="own", cost="free"))
        assert await public.catches_up() == [], "what happens out of sight moves nothing"
        assert [item["id"] for item in await worker.catches_up()] == [moving]
        assert "deleted_at" in worker.buried[moving]

        async with directory.database.write(system=SystemReason.RETENTION) as session:
            await _delete(session, UUID(draft))
        assert await public.catches_up() == []
        assert [item["id"] for item in await owner.catches_up()] == [moving, draft]

        await directory.loads(directory.service("moving", visibility="public"))
        assert moving in {item["id"] for item in await public.catches_up()}
        assert moving in public.records

    async def test_a_hidden_organization_takes_its_services_along(
        self, directory: Any, copy: Any, as_anonymous: Any
    ) -> None:
        await directory.has(directory.service("Accueil"))
        public = copy(as_anonymous())
        await public.catches_up()
        await directory.loads(directory.organization("host", visibility="professional"))
        await public.catches_up()
        assert public.records == {}

    async def test_a_cursor_of_another_database_or_other_rights_is_gone(
        self, directory: Any, client: Any, as_anonymous: Any, as_caller: Any, app: Any
    ) -> None:
        await directory.has()
        first = (await client.get(CHANGES, headers=as_anonymous())).json()["next_cursor"]
        cursors: Cursors = app.state.cursors
        held, *position = cursors.decode(first, query=["changes", None])
        for cursor, headers in (
            (cursors.encode(["0" * 16, *position], query=["changes", None]), as_anonymous()),
            (cursors.encode([held, True, 2**60, 1], query=["changes", None]), as_anonymous()),
            (first, as_caller(scope="directory:read", org=str(uuid4()))),
        ):
            answer = await client.get(CHANGES, params={"since": cursor}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (410, "feed_moved")

    async def test_a_restored_copy_tells_its_past_first(
        self, directory: Any, copy: Any, as_anonymous: Any, database: Any
    ) -> None:
        await directory.has(directory.service("old"))
        await _numbered_elsewhere(database)
        await directory.loads(directory.service("new"))
        public = copy(as_anonymous())
        items = await public.catches_up()
        assert [item["record"]["label"] for item in items][-1] == "new"
        assert len(items) == 3

    async def test_takes_a_fixed_number_of_statements(
        self, directory: Any, client: Any, as_anonymous: Any, query_counter: Any
    ) -> None:
        await directory.has(*(directory.service(f"s{n}") for n in range(9)))
        await directory.settles()
        for limit in (1, 9):
            with query_counter() as queries:
                await client.get(f"{CHANGES}?limit={limit}", headers=as_anonymous())
            assert queries.count == 2


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


async def _delete(session: Any, service_id: UUID) -> None:
    connection = await session.connection()
    for statement in (
        "DELETE FROM card WHERE resource_id = :id",
        "DELETE FROM service WHERE id = :id",
    ):
        await connection.execute(text(statement), {"id": service_id})


async def _numbered_elsewhere(database: Any) -> None:
    """As pg_restore leaves it: the numbers are those of another cluster, larger than any here."""
    url = database.owner_url.replace("postgresql+psycopg://", "postgresql://")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("UPDATE change SET origin = origin + 1, xid = xid + 1000000000")
