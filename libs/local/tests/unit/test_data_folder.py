import os
import socket
from pathlib import Path

import pytest

from maillage_local.data_folder import DataFolder, StackRunning, State


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.ensure()
    return made


def test_second_stack_is_refused_with_the_pid_of_the_first(folder: DataFolder) -> None:
    with folder.lock():
        assert folder.owner() == os.getpid()
        with pytest.raises(StackRunning, match=f"pid {os.getpid()}"), folder.lock():
            pass
    assert folder.owner() is None


def test_looking_does_not_disturb_the_owner(folder: DataFolder) -> None:
    with folder.lock():
        assert folder.is_locked()
        assert folder.is_locked()
        assert folder.owner() == os.getpid()


def test_state_of_a_dead_stack_is_not_believed(folder: DataFolder) -> None:
    state = State(1, True, {"gateway": 8000, "identity-provider": 8001}, {})
    folder.write_state(state)
    assert folder.read_state() is None
    with folder.lock():
        assert folder.read_state() == state


def test_secrets_are_made_once_and_private(folder: DataFolder) -> None:
    secrets = folder.secrets()
    assert folder.secrets() == secrets
    assert all(len(secret) >= 32 for secret in secrets.services.values())
    assert len({*secrets.services.values(), *secrets.roles.values()}) == 10
    for path in folder.path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_ports_stay_unless_taken(folder: DataFolder) -> None:
    first = folder.ports(8000)
    assert folder.ports(8000) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["directory"]))
        other.listen()
        moved = folder.ports(8000)
    assert moved["directory"] != first["directory"]
    assert moved["referrals"] == first["referrals"]
    assert len(set(moved.values())) == len(moved)


def test_no_service_takes_the_gateway_s_port(folder: DataFolder) -> None:
    first = folder.ports(8000)
    assert folder.ports(first["directory"])["directory"] != first["directory"]
