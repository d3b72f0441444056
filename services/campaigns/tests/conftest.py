from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from services.campaigns.tests.office import FakeReferrals, Headers, Office

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
    referrals = FakeReferrals()
    app.state.referrals = referrals
    return Office(client, as_caller, run_jobs, referrals)
