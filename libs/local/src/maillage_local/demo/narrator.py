"""Who tells the story: signs the personas in, makes their requests, waits for what comes later."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from maillage_local.loopback import NO_AUTHORITIES

PATIENCE_SECONDS = 45.0


class StoryFailed(AssertionError):
    """Something that must be true was not; the message says what was expected of whom."""


@dataclass
class Told:
    """One step: who acts, what happened, in lines for a person to read."""

    title: str
    lines: list[str]


@dataclass
class Story:
    """The people and what they hold: ids, a card, a lease. Filled step by step."""

    gateway_url: str
    sign_in: Callable[[str], str]
    held: dict[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        who: str | None,
        method: str,
        path: str,
        *,
        expect: int | tuple[int, ...] = (200, 201, 202),
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """One request as persona `who` (None: a stranger), which must answer as expected."""
        sent = dict(headers or {})
        if who is not None:
            if who not in self._tokens:
                self._tokens[who] = self.sign_in(who)
            token = self._tokens[who]
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = httpx.request(
            method,
            self.gateway_url + path,
            headers=sent,
            timeout=30,
            trust_env=False,
            verify=NO_AUTHORITIES,
            **body,
        )
        wanted = (expect,) if isinstance(expect, int) else expect
        if answer.status_code not in wanted:
            raise StoryFailed(
                f"{who or 'a stranger'}: {method} {path} answered {answer.status_code},"
                f" not {wanted}: {answer.text[:600]}"
            )
        return answer

    def until(
        self, what: str, look: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS
    ) -> Any:
        """Look again until there is something to see: jobs run a moment later."""
        give_up = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > give_up:
                raise StoryFailed(f"waited {seconds:.0f} s in vain: {what}")
            time.sleep(0.2)
        return seen


def check(condition: object, expectation: str) -> None:
    if not condition:
        raise StoryFailed(expectation)
