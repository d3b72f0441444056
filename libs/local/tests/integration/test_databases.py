from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from maillage_local.clones import Clones
from maillage_local.databases import (
    ServiceDatabase,
    administration,
    create_database,
    ensure_database,
    ensure_roles,
    service_database,
)
from maillage_local.postgres import Postgres, driver_url

PASSWORDS = {"directory_owner": "one", "directory_app": "two"}


@pytest.fixture(scope="module")
def admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    server = Postgres(tmp_path_factory.mktemp("server"), durable=False)
    server.start()
    yield server.admin_url
    server.stop()


@pytest.fixture(scope="module")
def admin(admin_url: URL) -> Iterator[psycopg.Connection]:
    with administration(admin_url) as connection:
        ensure_roles(connection, "directory", PASSWORDS)
        yield connection


@pytest.fixture
def clones(admin: psycopg.Connection, admin_url: URL, tmp_path: Path) -> Iterator[Clones]:
    name = f"template_{tmp_path.name}"
    create_database(admin, "directory", name)
    template = service_database(admin_url, "directory", name, PASSWORDS)
    run(template.owner_url, "CREATE TABLE note (id int)")
    run(template.owner_url, "GRANT ALL ON note TO directory_app")
    made = Clones(admin, admin_url, "directory", template, PASSWORDS)
    yield made
    made.close()


def run(url: str, query: str) -> object:
    with psycopg.connect(driver_url(make_url(url))) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone() if cursor.description else None


def made(admin: psycopg.Connection, admin_url: URL, name: str) -> ServiceDatabase:
    ensure_database(admin, "directory", name)
    return service_database(admin_url, "directory", name, PASSWORDS)


class TestRoles:
    def test_application_role_owns_nothing_and_cannot_make_tables(
        self, admin: psycopg.Connection, admin_url: URL
    ) -> None:
        database = made(admin, admin_url, "roles")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database.app_url, "CREATE TABLE mine (id int)")
        row = admin.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles"
            " WHERE rolname = 'directory_app'"
        ).fetchone()
        assert row == (False, False, False, False)

    def test_owner_makes_the_extensions_that_migrations_need(
        self, admin: psycopg.Connection, admin_url: URL
    ) -> None:
        database = made(admin, admin_url, "extensions")
        for extension in ("pg_trgm", "unaccent", "btree_gist", "citext"):
            run(database.owner_url, f"CREATE EXTENSION {extension}")

    def test_other_services_cannot_connect(self, admin: psycopg.Connection, admin_url: URL) -> None:
        database = made(admin, admin_url, "closed")
        passwords = {"referrals_owner": "three", "referrals_app": "four"}
        ensure_roles(admin, "referrals", passwords)
        stranger = service_database(admin_url, "referrals", database.name, passwords)
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            run(stranger.app_url, "SELECT 1")

    def test_making_again_changes_nothing_but_the_password(
        self, admin: psycopg.Connection, admin_url: URL
    ) -> None:
        database = made(admin, admin_url, "again")
        run(database.owner_url, "CREATE TABLE kept (id int)")
        ensure_roles(admin, "directory", PASSWORDS)
        assert not ensure_database(admin, "directory", "again")
        assert run(database.owner_url, "SELECT count(*) FROM kept") == (0,)


class TestClones:
    def test_untouched_copy_is_handed_out_again(self, clones: Clones) -> None:
        first = clones.take()
        assert run(first.app_url, "SELECT count(*) FROM note") == (0,)
        clones.give_back(first)
        assert clones.take().name == first.name

    @pytest.mark.parametrize(
        "change",
        [
            "INSERT INTO note VALUES (1)",
            "CREATE TABLE other (id int)",
            "WITH gone AS (DELETE FROM note RETURNING 1) INSERT INTO note VALUES (2)",
        ],
    )
    def test_touched_copy_is_not(self, clones: Clones, change: str) -> None:
        first = clones.take()
        run(first.owner_url, change)
        clones.give_back(first)
        second = clones.take()
        assert second.name != first.name
        assert run(second.app_url, "SELECT count(*) FROM note") == (0,)

    def test_copy_that_someone_still_uses_is_not(
        self, clones: Clones, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("maillage_local.clones.QUIET_SECONDS", 0.05)
        first = clones.take()
        with psycopg.connect(driver_url(make_url(first.app_url))):
            clones.give_back(first)
        assert clones.take().name != first.name

    def test_two_at_once_are_apart(self, clones: Clones) -> None:
        first, second = clones.take(), clones.take()
        run(first.app_url, "INSERT INTO note VALUES (1)")
        assert run(second.app_url, "SELECT count(*) FROM note") == (0,)
