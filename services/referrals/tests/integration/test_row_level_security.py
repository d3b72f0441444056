"""The second wall: the database itself refuses, whatever the application forgets."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb
from services.referrals.tests.world import Worker, World
from sqlmodel import SQLModel

from maillage_referrals import models

WITHOUT_PERSON = {"access_matrix", "access_rule", "code_copy"}
OURS = {getattr(models, name).__tablename__ for name in models.__all__}


def test_every_table_is_among_the_models_or_the_librarys() -> None:
    library = {"audit_entry", "idempotency_key", "webhook_delivery"}
    assert set(SQLModel.metadata.tables) - library == OURS


@pytest_asyncio.fixture
async def app_role(database: Any) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection as the application's role, without anything said about who asks."""
    url = database.app_url.replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url, row_factory=tuple_row) as connection:
        yield connection


async def _ask(connection: psycopg.AsyncConnection[Any], **settings: str) -> None:
    for name, value in settings.items():
        await connection.execute("SELECT set_config(%s, %s, true)", (f"maillage.{name}", value))


async def _count(connection: psycopg.AsyncConnection[Any], table: str) -> int:
    row = await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone()
    assert row is not None
    return int(row[0])


async def _opened(world: World) -> tuple[Worker, Worker]:
    """A world with rows in every table; the reader may read one pointer."""
    writer, reader = world.worker("social_worker"), world.worker("raq")
    person = await world.person(writer)
    await world.pointer(writer, person)
    await world.pointer(writer, person, category="violence")
    await world.consent(person, reader.organization)
    await world.care_link(reader, person)
    await world.refer(writer, world.directory.add(reader.organization))
    await world.post(f"/subjects/{person.handle}/one-time-codes", person)
    exclusion = {"handle": person.handle, "person": "someone"}
    await world.post("/exclusions", person, exclusion)
    return writer, reader


class TestTables:
    async def test_with_a_person_have_row_level_security_enabled_and_forced(
        self, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        rows = await app_role.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relname = ANY (%s) AND relkind = 'r'",
            (sorted(OURS - WITHOUT_PERSON),),
        )
        found = {row[0]: row[1:] for row in await rows.fetchall()}
        assert found == dict.fromkeys(OURS - WITHOUT_PERSON, (True, True))

    async def test_belong_to_another_role_and_ours_bypasses_nothing(
        self, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        rows = await app_role.execute(
            "SELECT count(*) FILTER (WHERE pg_get_userbyid(relowner) = current_user),"
            " (SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user)"
            " FROM pg_class WHERE relname = ANY (%s)",
            (sorted(OURS),),
        )
        assert await rows.fetchone() == (0, False)

    async def test_show_nothing_to_nobody(
        self, world: World, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        await _opened(world)
        for table in sorted(OURS - WITHOUT_PERSON):
            assert await _count(app_role, table) == 0, table
        await _ask(app_role, system="test")
        for table in sorted(OURS - WITHOUT_PERSON):
            assert await _count(app_role, table) > 0, table


class TestPointerPolicy:
    async def test_asks_the_whole_gate(
        self, world: World, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        _, reader = await _opened(world)
        own = {"organization": str(reader.organization), "subject": reader.sub}
        cases: list[tuple[dict[str, str], int]] = [
            ({**own, "function": "raq"}, 0),
            ({**own, "function": "raq", "purpose": "social_support"}, 1),
            ({**own, "function": "social_worker", "purpose": "social_support"}, 1),
            ({**own, "function": "raq", "purpose": "care"}, 0),
            ({**own, "function": "reception", "purpose": "social_support"}, 0),
            ({"subject": reader.sub, "function": "raq", "purpose": "social_support"}, 0),
        ]
        for settings, expected in cases:
            async with app_role.transaction(force_rollback=True):
                await _ask(app_role, **settings)
                assert await _count(app_role, "pointer") == expected, settings

    async def test_refuses_to_write_for_another_organization(
        self, world: World, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        writer, reader = await _opened(world)
        await _ask(app_role, system="test")
        row = await (await app_role.execute("SELECT to_jsonb(p) FROM pointer p")).fetchone()
        assert row is not None
        forged = {**row[0], "id": str(uuid4()), "locator_reference": "D-9"}
        insert = "INSERT INTO pointer SELECT * FROM jsonb_populate_record(NULL::pointer, %s)"
        await _ask(app_role, system="", organization=str(writer.organization))
        await app_role.execute(insert, (Jsonb(forged),))
        await _ask(app_role, organization=str(reader.organization))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await app_role.execute(insert, (Jsonb({**forged, "id": str(uuid4())}),))


class TestHistory:
    @pytest.mark.parametrize("table", ["referral_event", "audit_entry"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
    async def test_is_written_once(
        self, app_role: psycopg.AsyncConnection[Any], table: str, statement: str
    ) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await app_role.execute(statement.format(table))

    async def test_of_the_access_matrix_is_the_owners(
        self, app_role: psycopg.AsyncConnection[Any]
    ) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await app_role.execute("INSERT INTO access_rule VALUES (1, 'reception', 'violence')")
