"""One real stack for the end-to-end tests: every process, through the gateway."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.e2e.running import HeardStory, RunningStack

from maillage_local.demo.story import tell
from maillage_local.temporary_stack import temporary_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Shared by the tests that leave it as it was but for data of their own."""
    with temporary_stack() as folder:
        yield RunningStack(folder)


@pytest.fixture(scope="session")
def told(stack: RunningStack) -> HeardStory:
    """The story, told once to the shared stack."""
    story = stack.story()
    assert all(step.lines for step in tell(story))
    # Looked at here: other tests go on asking through the same story, wrong things too.
    assert {one.status_code for one in story.answers} <= {200, 201, 202, 401, 403, 404}
    return story


@pytest.fixture(scope="session")
def gateway(stack: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.gateway_url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def as_persona(stack: RunningStack) -> Callable[[str], dict[str, str]]:
    return stack.headers
