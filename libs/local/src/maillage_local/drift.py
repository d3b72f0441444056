"""Whether a service still is what was agreed: its schema and its OpenAPI document.

Do its migrations give the schema that its models describe, and go down and up?
`alembic check` misses new enum members, CHECKs, partial indexes and generated expressions, so two
dumps are compared: the migrated database and the same database after dropping its tables and making
them again from the models (the one use of `create_all` in the project). Row-level security, grants
and procrastinate's own tables are not in the models and left out of both.
"""

import difflib
import importlib
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text
from sqlmodel import SQLModel

from maillage_common import migrations
from maillage_local.databases import ServiceDatabase
from maillage_local.postgres import binaries

# Functions and policies are written in migrations alone.
_LEFT_OUT = re.compile(
    r"^(SET|SELECT|CREATE POLICY|CREATE FUNCTION|COMMENT ON)|ROW LEVEL SECURITY|procrastinate"
)
_NOT_SQL = ("--", "\\")


def schema_drift(service: str, database: ServiceDatabase) -> str:
    """What only one of the two has, a line each (`migrations: …` / `models: …`); empty when equal.

    `names: …` are revisions that the names of their files put in another order.

    `database` is migrated, and is spoilt afterwards.
    """
    migrated = _statements(database)
    importlib.import_module(f"maillage_{service}.models")
    engine = create_engine(database.owner_url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        for name in SQLModel.metadata.tables:
            connection.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
        SQLModel.metadata.create_all(connection)
    engine.dispose()
    modelled = _statements(database)
    return "\n".join(
        [f"migrations: {line}" for line in sorted(migrated - modelled)]
        + [f"models: {line}" for line in sorted(modelled - migrated)]
        + [f"names: {name}" for name in _misordered(service)]
    )


def _misordered(service: str) -> list[str]:
    scripts = ScriptDirectory.from_config(migrations.alembic_config(service))
    walked = [script.revision for script in scripts.walk_revisions()]
    named = [*migrations.revisions(service)]
    return [] if named == walked[::-1] else named


def document_drift(document: Mapping[str, Any], agreed: Path) -> str:
    """What an OpenAPI document changes in the agreed one, as a diff; empty when equal.

    With UPDATE_SNAPSHOTS=1 the document becomes the agreed one: after partners were told.
    """
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        agreed.write_text(text, encoding="utf-8")
    before = agreed.read_text(encoding="utf-8").splitlines()
    return "\n".join(difflib.unified_diff(before, text.splitlines(), "agreed", "now", lineterm=""))


def down_and_up(service: str, database: ServiceDatabase) -> tuple[set[str], set[str], set[str]]:
    """The schema before, with every migration undone, and after migrating again."""
    before = _statements(database)
    migrations.downgrade(service, database.owner_url)
    undone = _statements(database)
    migrations.migrate(service, database.owner_url)
    return before, undone, _statements(database)


def _statements(database: ServiceDatabase) -> set[str]:
    url = database.owner_url.replace("postgresql+psycopg://", "postgresql://")
    dump = subprocess.run(
        [
            *(str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges"),
            *("--exclude-table=procrastinate_*", "--exclude-table=alembic_version", url),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [line for line in dump.splitlines() if line and not line.startswith(_NOT_SQL)]
    statements = [one.strip().rstrip(";") for one in "\n".join(lines).split(";\n")]
    return {_normal(one) for one in statements if one and not _LEFT_OUT.search(one)}


def _normal(statement: str) -> str:
    """One line, columns sorted: their order in a table says nothing."""
    head, *rest = [line.strip().rstrip(",") for line in statement.splitlines()] or [""]
    return " | ".join([head, *sorted(rest)])
