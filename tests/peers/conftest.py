"""One site for each module of tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.peers.fronts import Site, whole_site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with whole_site(tmp_path_factory.mktemp("site")) as site:
        yield site
