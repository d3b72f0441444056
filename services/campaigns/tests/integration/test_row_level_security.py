"""The wall between mutualities stands in the database, whatever the code above it does."""

from collections.abc import Iterator

import psycopg
import pytest
from services.campaigns.tests.office import Office
from sqlalchemy.engine import make_url

from maillage_campaigns.models import SHARED_WITH_TENANT_COLUMN, tenant_tables
from maillage_local.databases import ServiceDatabase

TENANT_TABLES = sorted(table.name for table in tenant_tables())


def connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


@pytest.fixture
def owner(database: ServiceDatabase) -> Iterator[psycopg.Connection]:
    with connect(database.owner_url) as connection:
        yield connection


@pytest.fixture
def application(database: ServiceDatabase) -> Iterator[psycopg.Connection]:
    with connect(database.app_url) as connection:
        yield connection


def test_every_table_with_a_tenant_is_forced_or_shared_on_purpose(
    owner: psycopg.Connection,
) -> None:
    with_tenant = owner.execute(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    unforced = {name for name, is_forced in with_tenant if not is_forced}
    assert unforced == set(SHARED_WITH_TENANT_COLUMN)
    assert {name for name, is_forced in with_tenant if is_forced} == set(TENANT_TABLES)


def test_every_policy_checks_what_is_read_and_what_is_written(owner: psycopg.Connection) -> None:
    policies = owner.execute(
        "SELECT tablename, cmd, qual, with_check, permissive FROM pg_policies"
    ).fetchall()
    assert sorted(name for name, *_ in policies) == TENANT_TABLES
    for _, command, using, check, _permissive in policies:
        assert command == "ALL"
        assert using == check
        assert "maillage.tenant" in using


def test_no_unique_or_foreign_key_reaches_across_the_wall(owner: psycopg.Connection) -> None:
    keys = owner.execute(
        "SELECT t.relname, i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x"
        " JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
        " WHERE x.indisunique AND t.relname = ANY (%s)",
        (TENANT_TABLES,),
    ).fetchall()
    assert {name for name, *_ in keys} == set(TENANT_TABLES)
    assert all("(tenant" in definition for *_, definition in keys)
    references = owner.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype = 'f' AND confrelid::regclass::text = ANY (%s)",
        (TENANT_TABLES,),
    ).fetchall()
    assert references
    assert all("(tenant," in definition for *_, definition in references)


def test_the_application_role_owns_nothing_and_cannot_bypass(
    application: psycopg.Connection,
) -> None:
    role = application.execute(
        "SELECT rolbypassrls, rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert role == (False, False)
    owned = application.execute(
        "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
    ).fetchone()
    assert owned == (0,)


@pytest.mark.parametrize("tenant", [None, "", "solidaris"])
async def test_without_the_tenant_nothing_is_seen(
    office: Office, database: ServiceDatabase, tenant: str | None
) -> None:
    campaign = await office.calling(2)
    lease = await office.lease(campaign)
    await office.attempt(lease, "refused")
    with connect(database.app_url) as connection:
        if tenant is not None:
            connection.execute("SELECT set_config('maillage.tenant', %s, true)", (tenant,))
        for table in TENANT_TABLES:
            rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert rows == (0,)
        connection.execute("SELECT set_config('maillage.tenant', 'mc', true)")
        assert connection.execute("SELECT count(*) FROM person").fetchone() == (2,)


def test_a_row_cannot_be_written_for_another_mutuality(application: psycopg.Connection) -> None:
    application.execute("SELECT set_config('maillage.tenant', 'mc', true)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute(
            "INSERT INTO counsellor (tenant, subject) VALUES ('solidaris', 'someone')"
        )


async def test_names_numbers_and_phones_are_nowhere_in_clear(
    office: Office, database: ServiceDatabase
) -> None:
    campaign = await office.campaign()
    from services.campaigns.tests.lists import person_row

    row = person_row(41)
    await office.compared(campaign, [person_row(42)])
    await office.approved(campaign, [row])
    await office.attempt(await office.lease(campaign), "no_answer")
    with connect(database.owner_url) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        ]
        connection.execute("SELECT set_config('maillage.tenant', 'mc', true)")
        everything = ""
        for table in tables:
            everything += str(connection.execute(f"SELECT t::text FROM {table} t").fetchall())
    assert "no_answer" in everything
    digits = "32470" + "000041"
    for secret in (row[0], "Dup", "mile", digits, row[3]):
        assert secret not in everything
        assert secret.encode().hex() not in everything
