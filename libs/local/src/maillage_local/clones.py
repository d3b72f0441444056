"""Databases for single tests: copies of one migrated template."""

import time
import uuid
from collections.abc import Mapping

import psycopg
from sqlalchemy.engine import URL

from maillage_local.databases import (
    ServiceDatabase,
    create_database,
    drop_database,
    service_database,
)

QUIET_SECONDS = 5.0
# Rows touched, rolled-back ones included: a database where nothing was is as good as new.
_TOUCHED = """
SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = %s
"""
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"


class Clones:
    """Hands out copies of `template`; one that a test left untouched is handed out again.

    A copy costs 50 to 300 ms, and every test that is refused before it writes can save it.
    """

    def __init__(
        self,
        admin: psycopg.Connection,
        admin_url: URL,
        service: str,
        template: ServiceDatabase,
        passwords: Mapping[str, str],
    ) -> None:
        self._admin = admin
        self._admin_url = admin_url
        self._service = service
        self._template = template
        self._passwords = passwords
        self._spares: list[str] = []
        self._touched: dict[str, int] = {}

    def take(self) -> ServiceDatabase:
        name = self._spares.pop() if self._spares else self._create()
        return service_database(self._admin_url, self._service, name, self._passwords)

    def give_back(self, database: ServiceDatabase) -> None:
        """Keep the copy if nobody is connected and no row was touched; else remove it."""
        name = database.name
        if self._is_quiet(name) and self._count_touched(name) == self._touched[name]:
            self._spares.append(name)
        else:
            drop_database(self._admin, name)

    def close(self) -> None:
        while self._spares:
            drop_database(self._admin, self._spares.pop())

    def _create(self) -> str:
        name = f"{self._template.name}_{uuid.uuid4().hex[:8]}"
        create_database(self._admin, self._service, name, template=self._template.name)
        self._touched[name] = self._count_touched(name)
        return name

    def _count_touched(self, name: str) -> int:
        row = self._admin.execute(_TOUCHED, (name,)).fetchone()
        return int(row[0]) if row else 0

    def _is_quiet(self, name: str) -> bool:
        """Wait for closed sessions to leave: a session counts what it touched as it leaves."""
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            row = self._admin.execute(_SESSIONS, (name,)).fetchone()
            if row == (0,):
                return True
            time.sleep(0.002)
        return False
