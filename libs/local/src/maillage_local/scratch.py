"""Short-lived folders for test servers, in memory where there is room."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "maillage-test-"
MEMORY = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private folder inside)
MEMORY_BYTES = 4 * 2**30


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A private folder, gone afterwards; what a killed run left behind goes first.

    In memory when 4 GiB are free there: copies of a database are then twice as fast. Its path is
    short, so that a socket's name fits.
    """
    parent = _parent()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _parent() -> Path:
    try:
        room = os.statvfs(MEMORY)
    except OSError:
        return Path(tempfile.gettempdir())
    spacious = room.f_bavail * room.f_frsize >= MEMORY_BYTES and os.access(MEMORY, os.W_OK)
    return MEMORY if spacious else Path(tempfile.gettempdir())


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        ours = folder.lstat().st_uid == os.geteuid()
        if ours and pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
