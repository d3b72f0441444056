from collections.abc import Iterator

import pytest

from maillage_client import Maillage
from maillage_client.testing import RecordingServer, recording_server


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with recording_server() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """How long the client waited, each time; it takes no time here."""
    return []


@pytest.fixture
def maillage(server: RecordingServer, waits: list[float]) -> Iterator[Maillage]:
    with Maillage(server.url, "a-token", language="nl", retries=2, sleep=waits.append) as maillage:
        yield maillage
