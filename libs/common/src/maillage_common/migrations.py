"""Alembic harness: one way to run, check and find the migrations of every service.

Migrations run as the owner role; the application role `<service>_app` gets its rights here. Every
transaction opens with a `lock_timeout`, so that a migration waits five seconds for a busy table and
then fails, instead of queueing all traffic behind itself.

Alembic is imported where it migrates: `serve` only asks for revisions, and would spend a quarter of
a second of each start on it.
"""

import functools
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procrastinate.schema import SchemaManager
from sqlalchemy import MetaData, create_engine, pool, text
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_TIMEOUT = "5s"
PROCRASTINATE_UNTIL = "03.05"
_REVISION = re.compile(r'^revision = "(.+)"$', re.MULTILINE)
_COMMON_TABLES = ("audit_entry", "idempotency_key", "webhook_delivery")


class MigrationsNotFound(Exception):
    """Neither beside the package's sources nor in the working directory is an `alembic.ini`."""


def _home(service: str) -> Path:
    """Where `alembic.ini` and `migrations/` are: the source tree, else the working directory."""
    spec = importlib.util.find_spec(f"maillage_{service}")
    if spec is None or spec.origin is None:
        raise MigrationsNotFound(service)
    candidates = (Path(spec.origin).parents[2], Path.cwd())
    folder = next((place for place in candidates if (place / "alembic.ini").is_file()), None)
    if folder is None:
        raise MigrationsNotFound(service)
    return folder


def alembic_config(service: str, url: str | None = None) -> "Config":
    """The service's Alembic configuration."""
    from alembic.config import Config

    folder = _home(service)
    config = Config(str(folder / "alembic.ini"))
    config.set_main_option("script_location", str(folder / "migrations"))
    config.attributes["service"] = service
    if url is not None:
        config.attributes["url"] = url
    return config


@functools.cache
def revisions(service: str) -> tuple[str, ...]:
    """The service's revisions, oldest first, as the names of their files tell."""
    files = sorted((_home(service) / "migrations" / "versions").glob("*.py"))
    return tuple(_REVISION.findall("".join(file.read_text("utf-8") for file in files)))


def expected_revision(service: str) -> str:
    """The newest revision in the tree: what this code needs."""
    return revisions(service)[-1]


def is_behind(service: str, revision: str | None) -> bool:
    """Whether the database lacks a migration that this code needs.

    A revision that this code does not know is a newer one: the old version goes on serving while
    the new one is rolled out (migrations are expand first, contract later).
    """
    if revision is None:
        return True
    return revision in revisions(service)[:-1]


def migrate(service: str, url: str) -> None:
    """Bring the database at `url` (owner role) up to the newest revision."""
    from alembic import command

    command.upgrade(alembic_config(service, url), "head")


def downgrade(service: str, url: str, revision: str = "base") -> None:
    from alembic import command

    command.downgrade(alembic_config(service, url), revision)


def run(metadata: MetaData) -> None:
    """The body of every `env.py`."""
    from alembic import context

    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        # Two migrators at once (two replicas starting) take turns.
        connection.execute(text("SELECT pg_advisory_lock(hashtext('maillage.migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=include_object,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def include_object(
    item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any
) -> bool:
    """Leave procrastinate's own tables out of comparisons."""
    table = name if kind == "table" else getattr(getattr(item, "table", None), "name", "")
    return not (table or "").startswith("procrastinate_")


def create_common_tables(op: Any, *, app_role: str) -> None:
    """What `maillage_common` needs in every service's database. First step of a first migration.

    `op` is `alembic.op`, a proxy that no type describes.
    """
    _grant_defaults(op, app_role)
    _create_audit_entry(op, app_role)
    op.execute(
        "CREATE TABLE idempotency_key ("
        " lookup bytea NOT NULL CONSTRAINT pk_idempotency_key PRIMARY KEY,"
        " fingerprint bytea NOT NULL, answer bytea, expires_at timestamptz NOT NULL)"
    )
    op.execute("CREATE INDEX ix_idempotency_key_expires_at ON idempotency_key (expires_at)")
    op.execute(
        "CREATE TABLE webhook_delivery ("
        " id uuid NOT NULL CONSTRAINT pk_webhook_delivery PRIMARY KEY,"
        " endpoint text NOT NULL, event text NOT NULL, payload jsonb NOT NULL,"
        " created_at timestamptz NOT NULL DEFAULT now(), delivered_at timestamptz)"
    )
    _install_procrastinate(op.get_bind())


def drop_common_tables(op: Any, *, app_role: str) -> None:
    connection = op.get_bind()
    _drop_procrastinate(connection)
    for table in reversed(_COMMON_TABLES):
        op.execute(f"DROP TABLE {table}")
    for what in ("TABLES", "SEQUENCES"):
        op.execute(
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {what} FROM {app_role}"
        )
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {app_role}")


def _grant_defaults(op: Any, app_role: str) -> None:
    op.execute(f"GRANT USAGE ON SCHEMA public TO {app_role}")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        f" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app_role}"
    )
    op.execute(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app_role}"
    )
    op.execute(f"GRANT SELECT ON alembic_version TO {app_role}")


def _create_audit_entry(op: Any, app_role: str) -> None:
    reasons = "'import', 'reference_data', 'clock', 'retention', 'delivery', 'peer_event'"
    op.execute(
        "CREATE TABLE audit_entry ("
        " id uuid NOT NULL CONSTRAINT pk_audit_entry PRIMARY KEY,"
        " at timestamptz NOT NULL DEFAULT now(),"
        " event text NOT NULL,"
        " decision varchar(40) NOT NULL CONSTRAINT ck_audit_entry_decision"
        " CHECK (decision IN ('permitted', 'denied')),"
        " actor_subject text, actor_client_id text, actor_organization text,"
        " actor_function text, actor_tenant text, acting text,"
        " system_reason varchar(40) CONSTRAINT ck_audit_entry_system_reason"
        f" CHECK (system_reason IN ({reasons})),"
        " subject text, entity text NOT NULL, entity_id text NOT NULL, purpose text,"
        " changes jsonb, trace_id text NOT NULL,"
        " CONSTRAINT ck_audit_entry_actor_or_reason"
        " CHECK ((actor_subject IS NULL) <> (system_reason IS NULL)))"
    )
    op.execute("CREATE INDEX ix_audit_entry_subject_at ON audit_entry (subject, at)")
    op.execute("CREATE INDEX ix_audit_entry_entity_entity_id ON audit_entry (entity, entity_id)")
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entry FROM {app_role}")


def _install_procrastinate(connection: Connection) -> None:
    """Its schema as of one fixed version, from the migrations that it ships.

    Not its present schema: a database made after an upgrade would then differ from one that was
    migrated. A later version's migrations go into a revision of our own.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    for script in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")):
        if script.name < PROCRASTINATE_UNTIL:
            # Many statements at once: only the driver's simple protocol takes them.
            driver.execute(script.read_text(encoding="utf-8"))


def _drop_procrastinate(connection: Connection) -> None:
    for kind, catalogue, column, filters in (
        ("TABLE", "pg_class", "relname", "relkind = 'r'"),
        ("ROUTINE", "pg_proc", "proname", "true"),
        ("TYPE", "pg_type", "typname", "typtype IN ('c', 'e')"),
    ):
        signature = ", pg_get_function_identity_arguments(oid)" if kind == "ROUTINE" else ", ''"
        namespace = {
            "pg_class": "relnamespace",
            "pg_proc": "pronamespace",
            "pg_type": "typnamespace",
        }
        found = connection.execute(
            text(
                f"SELECT {column}{signature} FROM {catalogue} WHERE {filters}"  # noqa: S608
                f" AND {column} LIKE 'procrastinate\\_%'"
                f" AND {namespace[catalogue]} = 'public'::regnamespace"
            )
        ).all()
        _drop_all(connection, kind, found)


def _drop_all(connection: Connection, kind: str, found: Iterable[Any]) -> None:
    for name, signature in found:
        arguments = f"({signature})" if kind == "ROUTINE" else ""
        connection.execute(text(f'DROP {kind} IF EXISTS "{name}"{arguments} CASCADE'))
