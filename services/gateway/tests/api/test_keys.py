"""Keys over the wire: rotation, discovery, and issuers that are down or hostile."""

import asyncio
import time
from types import SimpleNamespace

import aiohttp
import pytest

from maillage_common.keys import TokenSigner
from maillage_gateway.issuers import DocumentSource, FetchFailed

NEEDS = "/directory/v1/needs"


@pytest.fixture
def successor(issuer, new_pem):
    return TokenSigner(new_pem(), issuer.name)


class TestRotation:
    async def test_a_new_key_is_learnt_from_the_first_token_that_uses_it(
        self, start_gateway, settings, issuer, successor
    ):
        eager = settings.model_copy(update={"keys_cooldown_seconds": 0.01})
        async with start_gateway(eager) as gateway:
            assert (await gateway.client.get(NEEDS, headers=issuer.bearer())).status_code == 200
            issuer.publish(issuer.signer, successor)
            await asyncio.sleep(0.02)
            headers = issuer.bearer(signer=successor)
            assert (await gateway.client.get(NEEDS, headers=headers)).status_code == 200

    async def test_a_removed_key_stops_working_within_the_refresh(
        self, start_gateway, settings, issuer, successor
    ):
        eager = settings.model_copy(update={"keys_refresh_seconds": 0.05})
        async with start_gateway(eager) as gateway:
            headers = issuer.bearer()
            assert (await gateway.client.get(NEEDS, headers=headers)).status_code == 200
            issuer.publish(successor)
            async with asyncio.timeout(2):
                while (await gateway.client.get(NEEDS, headers=headers)).status_code != 401:
                    await asyncio.sleep(0.01)

    async def test_discovery_finds_the_keys(self, start_gateway, settings, issuer, new_pem):
        origin = issuer.source.url
        issuer.name = origin
        issuer.signer = TokenSigner(new_pem(), origin)
        issuer.publish(issuer.signer)
        issuer.source.documents["/.well-known/openid-configuration"] = {
            "issuer": origin,
            "jwks_uri": f"{origin}/jwks.json",
        }
        config = settings.issuers[0].model_copy(update={"issuer": origin, "jwks_uri": None})
        async with start_gateway(settings.model_copy(update={"issuers": (config,)})) as gateway:
            assert (await gateway.client.get(NEEDS, headers=issuer.bearer())).status_code == 200


@pytest.fixture
def advance(monkeypatch):
    """Sets the clock by which keys age so many hours ahead."""

    def later(hours):
        ahead = SimpleNamespace(monotonic=lambda: time.monotonic() + hours * 3600)
        monkeypatch.setattr("maillage_gateway.issuers.time", ahead)

    return later


class TestOutage:
    async def test_an_issuer_never_reached_is_503_and_not_401(
        self, start_gateway, settings, issuer
    ):
        config = settings.issuers[0].model_copy(update={"jwks_uri": "http://127.0.0.1:1/keys"})
        async with start_gateway(settings.model_copy(update={"issuers": (config,)})) as gateway:
            answer = await gateway.client.get(NEEDS, headers=issuer.bearer())
            assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")
            assert (await gateway.client.get(NEEDS)).status_code == 200
            assert (await gateway.client.get("/health/ready")).status_code == 503

    @pytest.fixture
    async def forsaken(self, start_gateway, settings, issuer):
        """A gateway that had keys, asks for them all the time, and gets none any more."""
        eager = settings.model_copy(update={"keys_refresh_seconds": 0.02})
        async with start_gateway(eager) as gateway:
            assert (await gateway.client.get(NEEDS, headers=issuer.bearer())).status_code == 200
            issuer.source.leave()
            yield gateway

    async def test_no_good_request_fails_in_an_hour_of_silence(self, forsaken, issuer, advance):
        advance(hours=1)
        known = issuer.bearer()
        for _ in range(20):
            await asyncio.sleep(0.01)
            for headers in (known, issuer.bearer()):
                assert (await forsaken.client.get(NEEDS, headers=headers)).status_code == 200

    async def test_after_the_stale_seconds_it_says_why(self, forsaken, issuer, advance):
        advance(hours=3)
        async with asyncio.timeout(5):
            while (
                answer := await forsaken.client.get(NEEDS, headers=issuer.bearer())
            ).status_code == 200:
                await asyncio.sleep(0.01)
        assert (answer.status_code, answer.json()["code"]) == (503, "keys_unavailable")


class TestHostileSource:
    @pytest.fixture
    async def source(self):
        async with aiohttp.ClientSession() as session:
            yield DocumentSource(session, seconds=0.3)

    async def raw(self, issuer, answer):
        async def behave(request, reader, writer):
            writer.write(answer)
            await writer.drain()
            await reader.read()

        issuer.source.behaviours["/hostile"] = behave
        return f"{issuer.source.url}/hostile"

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"HTTP/1.1 302 X\r\nLocation: /jwks.json\r\nContent-Length: 0\r\n\r\n", "status_302"),
            (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "status_500"),
            (b"HTTP/1.1 200 X\r\nContent-Length: 9000000\r\n\r\n" + b" " * 200_000, "too_large"),
            (b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{", "timeout"),
            (b"220 smtp.example\r\n", "unreachable"),
        ],
    )
    async def test_a_document_is_bounded_in_every_way(self, source, issuer, answer, reason):
        url = await self.raw(issuer, answer)
        with pytest.raises(FetchFailed, match=reason):
            await source.fetch(url)
