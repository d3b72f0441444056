"""Real processes: kept, stopped, and never left behind."""

import asyncio
import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from maillage_local import launch
from maillage_local import supervisor as supervision
from maillage_local.console import Output
from maillage_local.postgres import Postgres, driver_url
from maillage_local.supervisor import Command, StackFailed, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def output(written: io.StringIO, tmp_path: Path) -> Output:
    return Output(Console(file=written, width=200), tmp_path)


@pytest.fixture
async def keeper(
    output: Output, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Supervisor]:
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervision, "STOP_SECONDS", 0.5)
    # Durable: a killed server without synchronous_commit forgets its last second.
    made = Supervisor(Postgres(short_folder), output)
    yield made
    await made.stop()


def python(name: str, script: str, *arguments: str) -> Command:
    return Command(name, [sys.executable, "-c", script, *arguments])


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def has_ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class TestKeeping:
    async def test_prefixes_output_and_keeps_it_in_a_file(
        self, keeper: Supervisor, written: io.StringIO, tmp_path: Path
    ) -> None:
        event = '{"level": "INFO", "event": "COM003", "message": "started", "facts": {"rows": 3}}'
        await keeper.run(python("one", f"print({event!r}); print('plain')"))
        assert "one               | started rows=3\n" in written.getvalue()
        assert "one               | plain\n" in written.getvalue()
        assert (tmp_path / "one.log").read_text() == f"{event}\nplain\n"

    async def test_crashed_process_is_started_again(self, keeper: Supervisor) -> None:
        keeper.keep(python("sleeper", SLEEPER))
        child = keeper.children["sleeper"]
        await until(lambda: child.pid)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid not in (None, first))
        assert child.restarts == 1

    async def test_crash_loop_is_reported_with_the_last_lines(self, keeper: Supervisor) -> None:
        keeper.keep(python("loop", "raise SystemExit('the reason')"))
        child = keeper.children["loop"]
        await until(lambda: child.restarts >= supervision.CRASHES_BEFORE_READY)
        with pytest.raises(StackFailed, match="the reason"):
            keeper.check_crashes()

    async def test_failing_step_is_reported_with_the_last_lines(self, keeper: Supervisor) -> None:
        with pytest.raises(StackFailed, match=r"step ended with 1\n(.|\n)*the reason"):
            await keeper.run(python("step", "raise SystemExit('the reason')"))
        assert not keeper.children

    async def test_killed_postgres_is_started_again_with_its_data(self, keeper: Supervisor) -> None:
        await keeper.start_postgres()
        pid = keeper.postgres.pid
        assert pid is not None
        with psycopg.connect(driver_url(keeper.postgres.admin_url)) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        os.kill(pid, signal.SIGKILL)
        await until(lambda: keeper.postgres_restarts == 1 and keeper.postgres.pid != pid)
        await asyncio.to_thread(keeper.postgres.wait_until_ready)
        with psycopg.connect(driver_url(keeper.postgres.admin_url)) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


class TestStopping:
    async def test_ends_everything(self, keeper: Supervisor) -> None:
        await keeper.start_postgres()
        keeper.keep(python("one", SLEEPER))
        keeper.keep(python("two", SLEEPER))
        await until(lambda: all(child.pid for child in keeper.children.values()))
        pids = [keeper.postgres.pid, *(child.pid for child in keeper.children.values())]
        await keeper.stop()
        assert all(pid is not None and has_ended(pid) for pid in pids)

    async def test_insists_when_a_process_is_deaf(
        self, keeper: Supervisor, written: io.StringIO
    ) -> None:
        keeper.keep(python("deaf", DEAF))
        await until(lambda: "up" in written.getvalue())
        pid = keeper.children["deaf"].pid
        await keeper.stop()
        assert pid is not None
        assert has_ended(pid)

    async def test_stops_while_a_process_is_between_two_crashes(
        self, keeper: Supervisor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervision, "FIRST_PAUSE", 600.0)
        keeper.keep(python("broken", "raise SystemExit(1)"))
        await until(lambda: keeper.children["broken"].restarts)
        async with asyncio.timeout(10):
            await keeper.stop()


PARENT = """
import asyncio, io, sys
from pathlib import Path
from rich.console import Console
from maillage_local.console import Output
from maillage_local.postgres import Postgres
from maillage_local.supervisor import Command, Supervisor

async def main(folder):
    keeper = Supervisor(
        Postgres(folder, durable=False), Output(Console(file=io.StringIO()), folder)
    )
    await keeper.start_postgres()
    for name in ("one", "two"):
        keeper.keep(Command(name, [sys.executable, "-c", sys.argv[2]]))
    while not all(child.pid for child in keeper.children.values()):
        await asyncio.sleep(0.01)
    # Written once the children have said that they are up, and so have set their death signal.
    while not all((folder / f"{name}.log").exists() for name in keeper.children):
        await asyncio.sleep(0.01)
    print(keeper.postgres.pid, *(child.pid for child in keeper.children.values()), flush=True)
    await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_a_killed_supervisor(short_folder: Path, number: int) -> None:
    command = [sys.executable, "-c", PARENT, str(short_folder), DEAF]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 3
        descriptors = [os.pidfd_open(pid) for pid in pids]
        parent.send_signal(number)
    try:
        for descriptor in descriptors:
            assert select.select([descriptor], [], [], 20)[0]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def test_nothing_starts_for_a_parent_that_is_already_gone() -> None:
    options = ["--signal", "KILL", "--parent", "1", "--", "echo", "never"]
    ended = subprocess.run(
        [sys.executable, "-I", "-S", launch.__file__, *options], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, b"")
