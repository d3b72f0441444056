"""One real stack for the end-to-end tests: every process, through the gateway."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from maillage_local.data_folder import DataFolder, State
from maillage_local.demo.story import Story
from maillage_local.sign_in import token_for
from maillage_local.temporary_stack import temporary_stack


@dataclass(frozen=True)
class RunningStack:
    """A started stack: its folder, and what its personas need."""

    folder: DataFolder

    @property
    def state(self) -> State:
        state = self.folder.read_state()
        assert state is not None, "the stack runs"
        return state

    @property
    def gateway_url(self) -> str:
        return self.state.gateway_url

    def token(self, persona: str) -> str:
        return token_for(persona, self.folder, self.state)

    def headers(self, persona: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(persona)}"}

    def story(self) -> Story:
        return Story(self.gateway_url, self.token)


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """Shared by the tests that leave it as it was but for data of their own."""
    with temporary_stack() as folder:
        yield RunningStack(folder)


@pytest.fixture
def own_stack() -> Iterator[RunningStack]:
    """For a test that kills or spoils something."""
    with temporary_stack() as folder:
        yield RunningStack(folder)


@pytest.fixture(scope="session")
def gateway(stack: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.gateway_url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def as_persona(stack: RunningStack) -> Callable[[str], dict[str, str]]:
    return stack.headers
