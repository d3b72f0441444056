"""Several replicas of a service: which is asked, when another is asked again, and recovery."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

NEEDS = "/directory/v1/needs"
SEARCH = "/directory/v1/services/search"
CLAIMS = "/campaigns/v1/callbacks"


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr("maillage_gateway.breaker.FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("maillage_gateway.readiness.PROBE_SECONDS", 0.02)


@pytest.fixture
async def twin(start_service):
    """The directory's second replica."""
    async with start_service() as service:
        yield service


@pytest.fixture
async def pair(start_gateway, settings, echo, twin):
    """A gateway before two replicas of the directory, and one of the other services."""
    addresses = settings.model_copy(update={"directory_url": f"{echo.url}, {twin.url}/"})
    async with start_gateway(addresses) as gateway:
        yield gateway


async def hang_up(request, reader, writer):
    """Read the request, answer nothing, close."""


async def fail(request, reader, writer):
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def stay_silent(request, reader, writer):
    await reader.read()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def statuses(gateway, count, path=NEEDS):
    return [(await gateway.client.get(path)).status_code for _ in range(count)]


class TestChoice:
    async def test_replicas_share_the_requests(self, pair, echo, twin):
        assert await statuses(pair, 10) == [200] * 10
        assert len(echo.seen) == len(twin.seen) == 5

    async def test_a_busy_replica_is_spared(self, pair, echo, twin):
        twin.behaviours[SEARCH] = echo.behaviours[SEARCH] = stay_silent
        waiting = asyncio.create_task(pair.client.post(SEARCH, json={}))
        await until(lambda: echo.seen or twin.seen)
        await statuses(pair, 6)
        assert sorted((len(echo.seen), len(twin.seen))) == [1, 6]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def test_a_replica_that_says_it_stops_is_asked_nothing_more(self, pair, echo, twin):
        async def stopping(request, reader, writer):
            writer.write(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        del twin.documents["/health/ready"]
        twin.behaviours["/health/ready"] = stopping
        seen = len(twin.seen)
        await until(lambda: len(twin.seen) >= seen + 2)
        await statuses(pair, 6)
        assert len(echo.seen) == 6
        assert (await pair.client.get("/health/ready")).json()["services"]["directory"] is True

    async def test_when_none_is_ready_the_services_own_answer_passes(self, gateway, echo):
        del echo.documents["/health/ready"]
        echo.behaviours["/health/ready"] = fail
        await until(lambda: len(echo.seen) >= 2)
        assert await statuses(gateway, 1) == [200]


class TestRepeating:
    async def test_a_replica_that_is_gone_costs_no_request(self, pair, echo, twin):
        twin.leave()
        assert await statuses(pair, 12) == [200] * 12
        answers = [await pair.client.post(SEARCH, json={}) for _ in range(4)]
        assert {answer.status_code for answer in answers} == {200}

    async def test_a_get_that_broke_off_is_asked_once_more_elsewhere(self, pair, echo, twin):
        twin.behaviours[NEEDS] = hang_up
        assert await statuses(pair, 4) == [200] * 4
        assert twin.seen

    async def test_a_post_that_broke_off_is_not_asked_again(self, pair, echo, twin):
        for service in (echo, twin):
            service.behaviours[SEARCH] = hang_up
        answer = await pair.client.post(SEARCH, json={})
        assert (answer.status_code, answer.json()["code"]) == (502, "service_broke")
        assert len(echo.seen) + len(twin.seen) == 1

    async def test_a_post_with_a_key_is_asked_once_more(self, pair, echo, twin):
        for service in (echo, twin):
            service.behaviours[SEARCH] = hang_up
        answer = await pair.client.post(SEARCH, json={}, headers={"Idempotency-Key": "k" * 32})
        assert answer.status_code == 502
        assert len(echo.seen) == len(twin.seen) == 1

    async def test_silence_is_never_asked_again(self, start_gateway, impatient, echo, twin):
        for service in (echo, twin):
            service.behaviours[NEEDS] = stay_silent
        both = impatient.model_copy(update={"directory_url": f"{echo.url},{twin.url}"})
        async with start_gateway(both) as gateway:
            assert await statuses(gateway, 1) == [504]
        assert len(echo.seen) + len(twin.seen) == 1

    async def test_retries_end_with_their_budget(self, gateway, echo):
        echo.behaviours[NEEDS] = hang_up
        answers = await asyncio.gather(*(gateway.client.get(NEEDS) for _ in range(40)))
        # Who was asked twice is told that the service broke off, the others to come again.
        assert {answer.status_code for answer in answers} == {502, 503}
        assert all(
            "Retry-After" in answer.headers for answer in answers if answer.status_code == 503
        )
        assert len(echo.seen) <= 40 + 10 + 40 * 0.2


class TestBreaking:
    async def test_a_dead_service_answers_at_once_and_recovers_by_itself(
        self, start_gateway, settings, start_service
    ):
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(start_service())
            port = int(service.url.rpartition(":")[2])
            dying = settings.model_copy(update={"directory_url": service.url})
            gateway = await stack.enter_async_context(start_gateway(dying))
            assert await statuses(gateway, 1) == [200]
            service.leave()
            assert set(await statuses(gateway, 6)) <= {502, 503}
            times = []
            for _ in range(20):
                started = time.perf_counter()
                answer = await gateway.client.get(NEEDS)
                times.append(time.perf_counter() - started)
            # Far from the two seconds of an attempt to connect, also on a busy machine.
            assert min(times) < 0.5
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
            assert answer.headers["Retry-After"]
            await stack.enter_async_context(start_service(port))
            async with asyncio.timeout(5):
                while await statuses(gateway, 1) != [200]:
                    await asyncio.sleep(0.02)

    async def test_one_service_that_hangs_does_not_slow_the_others(
        self, start_gateway, settings, echo, twin, issuer
    ):
        twin.behaviours[NEEDS] = stay_silent
        slow = settings.model_copy(update={"directory_url": twin.url})
        headers = issuer.bearer(scope="campaigns:call")
        async with start_gateway(slow) as gateway:

            async def median_seconds():
                times = []
                for _ in range(30):
                    started = time.perf_counter()
                    assert (await gateway.client.get(CLAIMS, headers=headers)).status_code == 200
                    times.append(time.perf_counter() - started)
                return sorted(times)[15]

            alone = await median_seconds()
            waiting = [asyncio.create_task(gateway.client.get(NEEDS)) for _ in range(50)]
            await until(lambda: len(twin.seen) == 50)
            assert await median_seconds() < alone * 3
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def test_a_replica_that_errs_alone_is_set_aside(
        self, start_gateway, settings, echo, twin, monkeypatch
    ):
        monkeypatch.setattr("maillage_gateway.breaker.FIRST_PAUSE_SECONDS", 60.0)
        twin.behaviours[NEEDS] = fail
        both = settings.model_copy(update={"directory_url": f"{echo.url},{twin.url}"})
        async with start_gateway(both) as pair:
            answered = await statuses(pair, 15)
        assert len(twin.seen) == answered.count(500) == 5

    async def test_the_last_replica_is_never_set_aside_for_its_errors(self, pair, echo, twin):
        echo.behaviours[NEEDS] = twin.behaviours[NEEDS] = fail
        assert set(await statuses(pair, 30)) == {500}

    async def test_a_full_pool_is_no_failure(self, start_gateway, settings, echo):
        echo.behaviours[NEEDS] = stay_silent
        small = {"upstream_connections": 1, "upstream_connect_seconds": 0.05}
        async with start_gateway(settings.model_copy(update=small)) as gateway:
            waiting = asyncio.create_task(gateway.client.get(NEEDS))
            await until(lambda: echo.seen)
            assert await statuses(gateway, 7, "/directory/v1/territories") == [503] * 7
            waiting.cancel()
            await until(lambda: echo.closed.is_set())
            assert await statuses(gateway, 1, "/directory/v1/territories") == [200]
