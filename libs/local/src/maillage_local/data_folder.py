"""The data folder of one stack (`.local` by default): what is in it, and its secrets."""

import fcntl
import json
import os
import secrets as random
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from maillage_local.databases import DATABASE_SERVICES, app_role, owner_role
from maillage_local.environment import SERVICES, new_secret, new_webhook_secret
from maillage_local.postgres import write_private

DEFAULT_FOLDER = Path(".local")
GATEWAY_PORT = 8000
OWNER_ATTEMPTS = 5


class StackRunning(RuntimeError):
    """Another stack, process `pid`, holds this data folder."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(f"a stack already runs on {folder} (pid {pid})")
        self.pid = pid


@dataclass(frozen=True)
class DemoAccounts:
    """How the demo identity provider's accounts prove themselves."""

    password: str
    client_secret: str


@dataclass(frozen=True)
class Secrets:
    """Everything secret of one stack but the key files; made once, kept 0600."""

    services: Mapping[str, str]
    roles: Mapping[str, str]
    webhook: str
    accounts: DemoAccounts

    @classmethod
    def new(cls) -> Self:
        roles = [name for service in DATABASE_SERVICES for name in _roles(service)]
        return cls(
            services={service: new_secret() for service in SERVICES},
            roles={role: random.token_urlsafe(24) for role in roles},
            webhook=new_webhook_secret(),
            accounts=DemoAccounts(random.token_urlsafe(12), random.token_urlsafe(24)),
        )


@dataclass(frozen=True)
class State:
    """What a running stack tells other commands. `ready` = every service has answered."""

    pid: int
    ready: bool
    ports: Mapping[str, int]
    processes: Mapping[str, Mapping[str, int | None]]

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def identity_provider_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['identity-provider']}"


class DataFolder:
    """Paths in a data folder, and the files that are made once."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def ensure(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.telemetry, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def telemetry(self) -> Path:
        return self.path / "telemetry"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def identity_provider_keys(self) -> Path:
        return self.path / "identity-provider" / "keys.json"

    @property
    def demo_records(self) -> Path:
        return self.path / "demo-records.ndjson"

    @property
    def demo_card(self) -> Path:
        return self.path / "demo-card.json"

    @property
    def loaded(self) -> Path:
        """Digests of what was loaded, so that an unchanged file is not loaded at each start."""
        return self.path / "loaded.json"

    def secrets(self) -> Secrets:
        path = self.path / "secrets.json"
        if not path.exists():
            write_private(path, json.dumps(asdict(Secrets.new()), indent=2))
        content = json.loads(path.read_text(encoding="utf-8"))
        return Secrets(**{**content, "accounts": DemoAccounts(**content["accounts"])})

    def ports(self, gateway: int) -> dict[str, int]:
        """A port for each listener; kept from the last run where free, so that URLs stay valid."""
        path = self.path / "ports.json"
        known = _read_json(path) or {}
        chosen = {"gateway": gateway}
        for name in (*DATABASE_SERVICES, "identity-provider"):
            before = int(known.get(name, 0))
            usable = before and before not in chosen.values() and port_is_free(before)
            chosen[name] = before if usable else _free_port(set(chosen.values()))
        write_private(path, json.dumps(chosen))
        return chosen

    def read_state(self) -> State | None:
        """The running stack's state; None when none runs."""
        content = _read_json(self.path / "state.json")
        if content is None or not self.is_locked():
            return None
        return State(**content)

    def write_state(self, state: State) -> None:
        write_private(self.path / "state.json", json.dumps(asdict(state)))

    def is_locked(self) -> bool:
        return self.owner() is not None

    def owner(self) -> int | None:
        """The pid of the stack that holds this folder; None when none does."""
        try:
            with Lock(self.path / "lock"):
                return None
        except StackRunning as running:
            return running.pid
        except FileNotFoundError:
            return None

    def lock(self) -> "Lock":
        """Hold the folder for one stack; the kernel lets go when the process ends, however."""
        return Lock(self.path / "lock", create=True)


class Lock:
    """An advisory lock on a file that holds the owner's pid. Raises StackRunning when held."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path, self._create = path, create

    def __enter__(self) -> Self:
        flags = os.O_RDWR | (os.O_CREAT if self._create else 0)
        self._descriptor = os.open(self._path, flags, 0o600)
        attempts = OWNER_ATTEMPTS if self._create else 1
        for attempt in range(attempts):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as held:
                if attempt + 1 == attempts:
                    owner = int(os.read(self._descriptor, 20) or b"0")
                    os.close(self._descriptor)
                    raise StackRunning(self._path.parent, owner) from held
                # It may be another command, which only looks whether a stack runs.
                time.sleep(0.05)
        if self._create:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port in TIME_WAIT is free for them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(avoid: set[int]) -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def _roles(service: str) -> tuple[str, str]:
    return owner_role(service), app_role(service)
