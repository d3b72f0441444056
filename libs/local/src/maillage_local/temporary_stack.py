"""A whole stack of its own in a scratch folder, on free ports: for the demo and the tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maillage_local.data_folder import DataFolder
from maillage_local.scratch import scratch_folder

START_SECONDS = 240.0
STOP_SECONDS = 60.0


class DidNotStart(RuntimeError):
    """The stack ended, or was not ready in time; the message holds its last lines."""


@contextmanager
def temporary_stack() -> Iterator[DataFolder]:
    """Start `maillage up` on a folder that is gone afterwards; stop it at the end."""
    with scratch_folder() as scratch:
        folder = DataFolder(scratch / "stack")
        process = start_stack(folder, scratch / "up.log")
        try:
            wait_until_ready(folder, process, scratch / "up.log")
            yield folder
        finally:
            stop_stack(process)


def start_stack(folder: DataFolder, log: Path) -> subprocess.Popen[bytes]:
    """`maillage up` on `folder` and a free port, writing to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "maillage_local", "up"),
                *("--data-dir", str(folder.path), "--port", str(free_port())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": "200"},
            start_new_session=True,
        )


def wait_until_ready(folder: DataFolder, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the stack of `process` is ready and its demo card made. Raises DidNotStart."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        state = folder.read_state()
        started = state is not None and state.ready and state.pid == process.pid
        # The card comes a moment later, and would else be made amid somebody's counting of rows.
        if started and folder.demo_card.exists():
            return
        if process.poll() is not None or time.monotonic() > give_up:
            tail = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise DidNotStart(f"`maillage up` is not ready:\n{tail}")
        time.sleep(0.1)


def stop_stack(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, as an operator would; what does not stop in time is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
