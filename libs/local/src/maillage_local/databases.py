"""The services' databases and roles on a PostgreSQL server, the same in every environment.

Each service has a database of its name, an owner role that runs its migrations, and an
application role that owns nothing and cannot bypass row-level security.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from maillage_local.postgres import driver_url

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DATABASE_SERVICES = ("directory", "referrals", "campaigns")
# Roles belong to the whole server, and several test runs may share one: one at a time.
ROLES_LOCK = 0x6D61696C


@dataclass(frozen=True)
class ServiceDatabase:
    """One database with the URLs of its two roles (`postgresql+psycopg://…`)."""

    name: str
    owner_url: str
    app_url: str


def owner_role(service: str) -> str:
    return f"{service}_owner"


def app_role(service: str) -> str:
    return f"{service}_app"


@contextmanager
def administration(admin_url: "URL") -> Iterator[psycopg.Connection]:
    """A superuser's connection in autocommit, since databases are made outside transactions."""
    with psycopg.connect(driver_url(admin_url), autocommit=True) as connection:
        yield connection


def ensure_roles(admin: psycopg.Connection, service: str, passwords: Mapping[str, str]) -> None:
    """Make the two roles of `service`, or give them these passwords again."""
    admin.execute("SELECT pg_advisory_lock(%s)", (ROLES_LOCK,))
    try:
        for role in (owner_role(service), app_role(service)):
            known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            verb = "ALTER" if known else "CREATE"
            admin.execute(
                sql.SQL(
                    f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
                    " PASSWORD {}"
                ).format(sql.Identifier(role), sql.Literal(passwords[role]))
            )
    finally:
        admin.execute("SELECT pg_advisory_unlock(%s)", (ROLES_LOCK,))


def ensure_database(admin: psycopg.Connection, service: str, name: str) -> bool:
    """Make database `name` for the roles of `service`; False when it was there."""
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        return False
    create_database(admin, service, name)
    return True


def create_database(
    admin: psycopg.Connection, service: str, name: str, *, template: str = "template0"
) -> None:
    """Make database `name`, copied from `template`, closed to every role but the service's."""
    # Copying files is a third faster than logging pages, but only where checkpoints cost nothing.
    volatile = admin.execute("SELECT current_setting('fsync') = 'off'").fetchone() == (True,)
    admin.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}").format(
            sql.Identifier(name),
            sql.Identifier(owner_role(service)),
            sql.Identifier(template),
            sql.SQL("FILE_COPY" if volatile else "WAL_LOG"),
        )
    )
    # A copy does not carry the template's grants.
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    admin.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            sql.Identifier(name), sql.Identifier(app_role(service))
        )
    )


def drop_database(admin: psycopg.Connection, name: str) -> None:
    """Remove database `name`, cutting whoever is still connected."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def service_database(
    admin_url: "URL", service: str, name: str, passwords: Mapping[str, str]
) -> ServiceDatabase:
    """The URLs of database `name` on the server of `admin_url`."""

    def url(role: str) -> str:
        return admin_url.set(
            username=role, password=passwords[role], database=name
        ).render_as_string(hide_password=False)

    return ServiceDatabase(name, url(owner_role(service)), url(app_role(service)))
