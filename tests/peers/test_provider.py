"""Keys come, go and stay away at a certified OpenID provider (oidc-provider)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from joserfc.jwk import ECKey
from tests.peers.peers import (
    ROOT,
    doubles,
    found,
    free_port,
    gateway,
    gateway_environment,
    process,
)

from maillage_common.canonical import decode_base64url
from maillage_gateway import issuers as issuers_module
from maillage_gateway.issuers import DocumentSource, KeyRing
from maillage_gateway.settings import IssuerSettings, Settings

NEEDS = "/directory/v1/needs"
REFRESH_SECONDS = 2


def new_key(kid: str) -> dict[str, Any]:
    key = ECKey.generate_key("P-256", private=True).as_dict(private=True)
    return {**key, "kid": kid, "use": "sig", "alg": "ES256"}


@dataclass
class Provider:
    port: int
    folder: Path
    client: httpx.AsyncClient
    keys: list[dict[str, Any]] = field(default_factory=lambda: [new_key("first")])

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def trusted(self) -> dict[str, Any]:
        return {"issuer": self.issuer, "algorithms": ["ES256"]}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        path = self.folder / f"{self.port}.json"
        path.write_text(json.dumps({"keys": self.keys}))
        script = ROOT / "tests" / "peers" / "provider.js"
        async with process(found("node"), script, self.port, path, port=self.port):
            yield

    async def replace_keys(self, *keys: dict[str, Any]) -> None:
        """The first one signs from now on."""
        self.keys = list(keys)
        answer = await self.client.post(f"{self.issuer}/replace-keys", json={"keys": self.keys})
        assert answer.status_code == 204

    async def bearer(self) -> dict[str, str]:
        answer = await self.client.post(
            f"{self.issuer}/token",
            data={"grant_type": "client_credentials", "scope": "directory:read"},
            auth=("machine", "secret-of-the-machine"),
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def new_provider(tmp_path: Path, client: httpx.AsyncClient) -> Callable[[], Provider]:
    return lambda: Provider(free_port(), tmp_path, client)


@pytest.fixture
async def echo() -> AsyncIterator[Any]:
    async with doubles.listening(doubles.Service()) as echo:
        yield echo


async def seconds_until(status: int, ask: Callable[[], Any], *, at_most: float) -> float:
    started = time.monotonic()
    async with asyncio.timeout(at_most):
        while (await ask()).status_code != status:
            await asyncio.sleep(0.02)
    return time.monotonic() - started


class Load:
    """Good requests, one after another from several callers, until the block ends."""

    def __init__(self, client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> None:
        self.statuses: dict[int, int] = {}
        self._client, self._url, self.headers = client, url, headers

    async def _go_on(self) -> None:
        while True:
            answer = await self._client.get(self._url, headers=self.headers)
            self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
            # Forty a second together: within the meter of one client, however fast the machine.
            await asyncio.sleep(0.1)

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._go_on()) for _ in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_rotation_under_load_outage_and_restart(
    new_provider: Callable[[], Provider], client: httpx.AsyncClient, echo: Any, tmp_path: Path
) -> None:
    provider, other = new_provider(), new_provider()
    # The same key id at two issuers, with different keys.
    trusted = (provider.trusted, {**other.trusted, "prefix": "other"})
    environment = gateway_environment(tmp_path, echo.url, *trusted)
    environment["GATEWAY_KEYS_REFRESH_SECONDS"] = str(REFRESH_SECONDS)
    async with AsyncExitStack() as stack:
        at_provider = await stack.enter_async_context(AsyncExitStack())
        await at_provider.enter_async_context(provider.running())
        await stack.enter_async_context(other.running())
        port, _ = await stack.enter_async_context(gateway(environment))
        url = f"http://127.0.0.1:{port}{NEEDS}"
        first = await provider.bearer()
        await seconds_until(200, lambda: client.get(url, headers=first), at_most=5)

        theirs = await other.bearer()
        await seconds_until(200, lambda: client.get(url, headers=theirs), at_most=5)
        assert b"other:machine" in _last_subject(echo)
        await _refused_when_the_issuers_are_swapped(client, url, provider, other)

        old, new = provider.keys[0], new_key("second")
        async with Load(client, url, first) as load:
            await provider.replace_keys(new, old)
            second = await provider.bearer()
            waited = await seconds_until(200, lambda: client.get(url, headers=second), at_most=2)
        assert set(load.statuses) == {200}, load.statuses
        assert waited < 2

        async with Load(client, url, second) as load:
            await provider.replace_keys(new)
            stated = REFRESH_SECONDS + 3
            await seconds_until(401, lambda: client.get(url, headers=first), at_most=stated)
        assert set(load.statuses) == {200}, load.statuses

        # The provider goes away: what was good stays good; a restarted gateway says what is wrong.
        await at_provider.aclose()
        async with Load(client, url, second) as load:
            await asyncio.sleep(REFRESH_SECONDS * 1.5)
        assert set(load.statuses) == {200}, load.statuses
        alone = environment | {"GATEWAY_ISSUERS": json.dumps([provider.trusted])}
        restarted, _ = await stack.enter_async_context(gateway(alone))
        url = f"http://127.0.0.1:{restarted}{NEEDS}"
        answer = await client.get(url, headers=second)
        assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
        assert (await client.get(url)).status_code == 200
        ready = f"http://127.0.0.1:{restarted}/health/ready"
        assert (await client.get(ready)).status_code == 503
        async with provider.running():
            await seconds_until(200, lambda: client.get(url, headers=second), at_most=12)
            assert (await client.get(ready)).status_code == 200


def _last_subject(echo: Any) -> bytes:
    """The claims that the service saw last, as they are written."""
    return decode_base64url(echo.last.one("Authorization").split(".")[1])


async def _refused_when_the_issuers_are_swapped(
    client: httpx.AsyncClient, url: str, provider: Provider, other: Provider
) -> None:
    """The key id is known at both; the key is not."""
    mine = provider.keys
    await provider.replace_keys(*other.keys)
    swapped = await provider.bearer()
    await provider.replace_keys(*mine)
    assert provider.keys[0]["kid"] == other.keys[0]["kid"]
    assert (await client.get(url, headers=swapped)).status_code == 401


async def test_an_hour_without_the_provider_fails_no_good_request(
    new_provider: Callable[[], Provider], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = new_provider()
    environment = gateway_environment(tmp_path, "http://127.0.0.1:1", provider.trusted)
    settings = Settings(
        signing_key_file=tmp_path / "gateway.pem",
        directory_url=environment["GATEWAY_DIRECTORY_URL"],
        referrals_url=environment["GATEWAY_REFERRALS_URL"],
        campaigns_url=environment["GATEWAY_CAMPAIGNS_URL"],
        issuers=(IssuerSettings.model_validate(provider.trusted),),
    )

    class Clock:
        ahead = 0.0

        def monotonic(self) -> float:
            return time.monotonic() + self.ahead

    clock = Clock()
    monkeypatch.setattr(issuers_module, "time", clock)
    async with aiohttp.ClientSession(trust_env=False) as session:
        source = DocumentSource(session, seconds=settings.keys_fetch_seconds)
        changes: list[None] = []
        ring = KeyRing(settings, source.fetch, lambda: changes.append(None))
        async with provider.running():
            await ring.learn(provider.issuer)
        assert provider.issuer in ring.trusted
        (keys,) = ring._issuers.values()
        # The last fetch was as long ago as it can be when the provider goes down.
        clock.ahead = settings.keys_refresh_seconds
        for _ in range(360):
            clock.ahead += 10
            await keys.refresh()
            assert not keys.expire()
        assert provider.issuer in ring.trusted
        assert len(changes) == 1
        # It is not for ever.
        clock.ahead = settings.keys_stale_seconds + 10
        assert keys.expire()
