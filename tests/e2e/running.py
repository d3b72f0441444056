"""What the end-to-end tests know of a running stack: its folder, its personas, its databases."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from maillage_local.data_folder import DataFolder, State
from maillage_local.databases import administration
from maillage_local.demo.narrator import Story
from maillage_local.postgres import Postgres
from maillage_local.sign_in import token_for


@dataclass
class HeardStory(Story):
    """The story with every answer that its people got, each with its request."""

    answers: list[httpx.Response] = field(default_factory=list)

    def call(self, *arguments: Any, **options: Any) -> httpx.Response:
        answer = super().call(*arguments, **options)
        self.answers.append(answer)
        return answer


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

    def story(self) -> HeardStory:
        return HeardStory(self.gateway_url, self.token)

    def administration(self, database: str) -> AbstractContextManager[psycopg.Connection]:
        """A superuser's connection to a service's database, past row-level security."""
        return administration(Postgres(self.folder.postgres).admin_url.set(database=database))
