"""A worker killed in the middle of a job: its job runs again by itself, its effect happens once."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from sqlalchemy.engine import make_url

DEADLINE_SECONDS = 90


@pytest.fixture
def connection(database):
    url = make_url(database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connected:
        yield connected


def wait_for(connection: psycopg.Connection, statement: str) -> None:
    give_up = time.monotonic() + DEADLINE_SECONDS
    while not connection.execute(statement).fetchone()[0]:
        assert time.monotonic() < give_up, statement
        connection.execute("SELECT pg_sleep(0.05)")


def start_worker(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "maillage_sample", "worker"],
        env=os.environ | environment,
        stdout=None,
    )


async def test_a_killed_worker_loses_no_job(app, environment, database, connection):
    from maillage_common.jobs import defer

    # The job stops in its transaction on this lock, where the worker is killed.
    connection.execute("SELECT pg_advisory_lock(4711)")
    async with app.state.database.write(system="clock") as session:
        await defer(session, "shout_slowly", words="once", tenant="mc")
    first = start_worker(environment)
    wait_for(
        connection, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    )
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    connection.execute("SELECT pg_advisory_unlock(4711)")
    # As if the heartbeat had been silent for the half minute that makes a worker stalled.
    connection.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
    )
    second = start_worker(environment)
    try:
        wait_for(
            connection,
            "SELECT count(*) = 0 FROM procrastinate_jobs WHERE task_name = 'shout_slowly'",
        )
    finally:
        second.terminate()
        assert second.wait(timeout=30) == 0
    connection.execute("SELECT set_config('maillage.tenant', 'mc', false)")
    assert connection.execute("SELECT words FROM note").fetchall() == [("ONCE",)]


@pytest.fixture
def one_at_a_time(environment, monkeypatch):
    monkeypatch.setenv("SAMPLE_WORKER_CONCURRENCY", "1")


async def test_what_somebody_waits_for_goes_before_a_backlog(
    app, connection, one_at_a_time, run_jobs
):
    """As after an outage, whose jobs are all due again and older."""
    from maillage_common.jobs import defer

    async with app.state.database.write(system="clock") as session:
        for number in range(5):
            await defer(session, "shout", words=f"late {number}", tenant="mc")
        await defer(session, "shout", awaited=True, words="now", tenant="mc")
    await run_jobs()
    connection.execute("SELECT set_config('maillage.tenant', 'mc', false)")
    words = [row[0] for row in connection.execute("SELECT words FROM note ORDER BY id")]
    assert words == ["NOW", *(f"LATE {number}" for number in range(5))]
