"""Whether the services behind the gateway are ready, asked at most once a second."""

import asyncio
import time
from collections.abc import Mapping

import aiohttp

KEPT_SECONDS = 1.0


class Readiness:
    """`/health/ready` of every service."""

    def __init__(self, session: aiohttp.ClientSession, urls: Mapping[str, str]) -> None:
        self._session = session
        self._urls = urls
        self._timeout = aiohttp.ClientTimeout(total=2.0)
        self._known: dict[str, bool] = {}
        self._asked_at = -float("inf")
        self._lock = asyncio.Lock()

    async def ask(self) -> dict[str, bool]:
        """For each service, whether it answers that it is ready."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= KEPT_SECONDS:
                answers = await asyncio.gather(*(self._ask(url) for url in self._urls.values()))
                self._known = dict(zip(self._urls, answers, strict=True))
                self._asked_at = time.monotonic()
            return self._known

    async def _ask(self, url: str) -> bool:
        try:
            async with self._session.get(
                f"{url}/health/ready", timeout=self._timeout, allow_redirects=False
            ) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
