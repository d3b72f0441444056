"""A worker killed in the middle of a stage leaves nothing half done and nothing done twice."""

import asyncio
import os
import signal
import sys
from typing import Any

import psycopg
import pytest
from services.campaigns.tests.lists import csv_bytes, person_row
from services.campaigns.tests.office import Office
from sqlalchemy.engine import make_url

from maillage_local.databases import ServiceDatabase

PEOPLE = 400


def connect(database: ServiceDatabase) -> psycopg.Connection:
    url = make_url(database.app_url).set(drivername="postgresql")
    connection = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
    connection.execute("SELECT set_config('maillage.tenant', 'mc', false)")
    return connection


def count(database: ServiceDatabase, query: str) -> int:
    with connect(database) as connection:
        return number(connection, query)


def number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0] or 0)


async def kill_worker_within(database: ServiceDatabase, query: str) -> None:
    """Run the service's real worker process and SIGKILL it amid the people that `query` counts."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "maillage_campaigns",
        "worker",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    ended = asyncio.create_task(worker.wait())
    try:
        with connect(database) as connection:
            async with asyncio.timeout(60):
                while not 0 < number(connection, query) < PEOPLE and not ended.done():
                    await asyncio.wait({ended}, timeout=0.005)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        await ended
    # What `retry_stalled` does once the dead worker's heartbeat is old enough.
    with connect(database) as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE status = 'doing'")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    monkeypatch.setenv("CAMPAIGNS_IMPORT_BATCH_ROWS", "5")


async def test_parsing_goes_on_where_it_was_killed(
    small_batches: None, office: Office, database: ServiceDatabase
) -> None:
    campaign = await office.campaign()
    pushed = await office.push(campaign, csv_bytes([person_row(n) for n in range(PEOPLE)]))
    read = "SELECT max(rows_read) FROM list_import"
    await kill_worker_within(database, read)
    stopped_at = count(database, read)
    assert count(database, "SELECT count(*) FROM import_row") == stopped_at
    await office.run_jobs()
    held = await office.read_import(pushed.json()["id"])
    assert (held["stage"], held["counts"]["good"]) == ("awaiting_approval", PEOPLE)
    assert count(database, "SELECT count(*) FROM import_row") == PEOPLE


async def test_merging_goes_on_where_it_was_killed(
    small_batches: None, office: Office, database: ServiceDatabase
) -> None:
    campaign = await office.campaign()
    held = await office.compared(campaign, [person_row(n) for n in range(PEOPLE)])
    await office.decide(held["id"], "approve")
    merged = "SELECT max(rows_merged) FROM list_import"
    await kill_worker_within(database, merged)
    assert count(database, "SELECT count(*) FROM call_case") == count(database, merged)
    await office.run_jobs()
    done = await office.read_import(held["id"])
    assert done["stage"] == "done"
    for table in ("person", "person_phone", "call_case"):
        assert count(database, f"SELECT count(*) FROM {table}") == PEOPLE


async def test_a_job_that_runs_again_after_its_end_does_nothing(
    office: Office, app: Any, database: ServiceDatabase
) -> None:
    from uuid import UUID

    from maillage_campaigns.imports.comparing import compare_list
    from maillage_campaigns.imports.merging import merge_list
    from maillage_campaigns.imports.parsing import ListParsing

    held = await office.approved(await office.campaign(), [person_row(n) for n in range(5)])
    place: dict[str, Any] = {"tenant": "mc", "import_id": UUID(held["id"])}
    await ListParsing(app.state.database, app.state.settings, **place).run()
    await compare_list(app.state.database, **place)
    await merge_list(app.state.database, **place, slice_rows=2)
    assert await office.read_import(held["id"]) == held
    assert count(database, "SELECT count(*) FROM call_case") == 5


async def test_staged_rows_lost_by_postgresql_are_read_again(
    office: Office, database: ServiceDatabase
) -> None:
    """An unlogged table is empty after a crash of the server itself; the approval stands."""
    campaign = await office.campaign()
    held = await office.compared(campaign, [person_row(n) for n in range(5)])
    await office.decide(held["id"], "approve")
    with connect(database) as connection:
        connection.execute("DELETE FROM import_row")
    await office.run_jobs()
    found = await office.read_import(held["id"])
    assert (found["stage"], found["counts"]["new"]) == ("done", 5)
    assert count(database, "SELECT count(*) FROM call_case") == 5
