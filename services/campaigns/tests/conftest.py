from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from services.campaigns.tests.office import FakeDirectory, FakeReferrals, Headers, Office

from maillage_campaigns.errors import UnknownNeed
from maillage_common.code_copies import KnownCodes

pytest_plugins = ["maillage_local.testing"]


@pytest.fixture(scope="session")
def service() -> str:
    return "campaigns"


@pytest.fixture
def office(
    app: Any,
    client: httpx.AsyncClient,
    as_caller: Callable[..., Headers],
    run_jobs: Callable[[], Awaitable[None]],
) -> Office:
    referrals, directory = FakeReferrals(), FakeDirectory()
    app.state.referrals = referrals
    app.state.needs = KnownCodes(UnknownNeed, directory.list_needs, app.state.database)
    return Office(client, as_caller, run_jobs, referrals, directory)
