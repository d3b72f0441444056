"""Fixtures of the referrals service's tests: people, workers, a directory of our own."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from services.referrals.tests.world import FakeDirectory, World

from maillage_common.code_copies import KnownCodes
from maillage_referrals.errors import UnknownNeed

pytest_plugins = ["maillage_local.testing"]


@pytest.fixture(scope="session")
def service() -> str:
    return "referrals"


@pytest.fixture
def directory(app: Any) -> FakeDirectory:
    """Stands where the directory service would; answers what a test put into it."""
    fake = FakeDirectory()
    app.state.directory = fake
    app.state.needs = KnownCodes(UnknownNeed, fake.list_needs, app.state.database)
    return fake


@pytest.fixture
def world(
    client: httpx.AsyncClient,
    as_caller: Callable[..., dict[str, str]],
    as_anonymous: Callable[[], dict[str, str]],
    directory: FakeDirectory,
) -> World:
    return World(client, as_caller, as_anonymous, directory)
