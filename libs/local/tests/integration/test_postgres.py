"""The embedded server as a real process."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from maillage_local.postgres import (
    LONGEST_SOCKET_PATH,
    PORT,
    Identity,
    Postgres,
    binaries,
    driver_url,
    launched,
    server_identity,
    socket_folder,
)


def ask(server: Postgres, query: str) -> object:
    with psycopg.connect(driver_url(server.admin_url), autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone() if cursor.description else None


def wait_for_end(pid: int) -> None:
    """Returns when process `pid`, no child of ours, is gone."""
    import select

    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 30)[0], f"{pid} still runs"
    finally:
        os.close(descriptor)


def test_data_survives_restart_and_crash(short_folder: Path) -> None:
    server = Postgres(short_folder)
    server.start()
    try:
        ask(server, "CREATE TABLE kept (id int)")
        server.stop()
        server.start()
        ask(server, "INSERT INTO kept VALUES (1)")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        assert server.poll() == -signal.SIGKILL
        server.start()
        assert ask(server, "SELECT count(*) FROM kept") == (1,)
    finally:
        server.stop()


def test_local_stack_is_durable_and_tests_are_not(short_folder: Path) -> None:
    durable = Postgres(short_folder / "durable")
    volatile = Postgres(short_folder / "volatile", durable=False)
    for server, setting in ((durable, "on"), (volatile, "off")):
        server.start()
        try:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                assert ask(server, f"SHOW {name}") == (setting,)
        finally:
            server.stop()


def test_folder_stays_closed_to_others(short_folder: Path) -> None:
    closed = short_folder / "closed"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "server", durable=False)
    server.start()
    server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (server.folder / "superuser").stat().st_mode & 0o777 == 0o600
    assert server.data.stat().st_mode & 0o077 == 0


def test_wrong_password_is_refused_on_the_socket(short_folder: Path) -> None:
    server = Postgres(short_folder, durable=False)
    server.start()
    try:
        wrong = driver_url(server.admin_url.set(password="wrong"))
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(wrong)
    finally:
        server.stop()


def test_ends_when_its_parent_is_killed(short_folder: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from maillage_local.postgres import Postgres\n"
        "server = Postgres(Path(sys.argv[1]), durable=False); server.start()\n"
        "print(server.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(short_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_for_end(pid)
    again = Postgres(short_folder, durable=False)
    again.start()
    again.stop()


def test_long_folder_gets_a_short_socket(short_folder: Path) -> None:
    deep = short_folder / ("d" * 60) / ("e" * 60)
    server = Postgres(deep, durable=False)
    assert len(os.fsencode(server.sockets)) + len(f"/.s.PGSQL.{PORT}") <= LONGEST_SOCKET_PATH
    server.start()
    try:
        assert ask(server, "SELECT 1") == (1,)
        assert server.sockets.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
        server.sockets.rmdir()


def test_socket_limit_is_exact() -> None:
    name = len(f"/run/.s.PGSQL.{PORT}")
    fits = Path("/" + "f" * (LONGEST_SOCKET_PATH - name - 1))
    assert socket_folder(fits) == fits / "run"
    assert socket_folder(Path(f"{fits}f")) != Path(f"{fits}f") / "run"


def test_starting_twice_is_harmless(short_folder: Path) -> None:
    server = Postgres(short_folder, durable=False)
    server.start()
    try:
        pid = server.pid
        server.start()
        assert server.pid == pid
    finally:
        server.stop()
        server.stop()


def test_child_cannot_be_tied_to_another_thread() -> None:
    refusals: list[str] = []

    def start() -> None:
        try:
            launched(["true"], death_signal="KILL")
        except RuntimeError as refusal:
            refusals.append(str(refusal))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert refusals


def possible_identities() -> list[Identity]:
    """Every way of running the server that this machine allows us."""
    if os.geteuid() != 0:
        return [Identity.ourselves]
    others = [Identity.nobody] if shutil.which("setpriv") else []
    return [*{server_identity(), *others}]


@pytest.mark.parametrize("identity", possible_identities(), ids=lambda one: one.value)
def test_works_in_a_closed_folder_as_each_possible_user(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, identity: Identity
) -> None:
    """Its programs too: a clone below a closed folder has them there."""
    monkeypatch.setattr("maillage_local.postgres.server_identity", lambda: identity)
    closed = short_folder / "closed"
    closed.mkdir(mode=0o700)
    package = binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name)
    programs = closed / binaries().relative_to(package.parent)
    monkeypatch.setattr("maillage_local.postgres.binaries", lambda: programs)
    server = Postgres(closed / "server", durable=False)
    server.start()
    try:
        assert ask(server, "SHOW data_directory") == (str(server.data),)
    finally:
        server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_folder_can_change_hands_between_two_starts(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Postgres(short_folder, durable=False)
    for identity in (*possible_identities(), *possible_identities()):
        monkeypatch.setattr("maillage_local.postgres.server_identity", lambda one=identity: one)
        server.start()
        server.stop()
