"""Those who take their time, and many of them: everything has a bound."""

import asyncio
import socket

import pytest

from maillage_common.protocol import GuardedProtocol
from maillage_gateway.breaker import FAILURES

NEEDS = "/directory/v1/needs"
SEARCH = "/directory/v1/services/search"
IMPORTS = "/campaigns/v1/campaigns/1/imports"
GET = f"GET {NEEDS} HTTP/1.1\r\nHost: g\r\n\r\n".encode()


async def connect(gateway):
    return await asyncio.open_connection("127.0.0.1", gateway.port)


async def answered(reader, writer):
    """Ask once and read the whole answer; the connection stays."""
    writer.write(GET)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


class TestSlowClients:
    async def test_a_client_that_does_not_read_is_cut_off_and_the_service_freed(
        self, gateway, echo, monkeypatch
    ):
        monkeypatch.setattr("maillage_common.protocol.READ_SECONDS", 0.1)

        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            while True:
                writer.write(b"x" * 1_000_000)
                await writer.drain()

        echo.behaviours[NEEDS] = answer
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", gateway.port))
            await loop.sock_sendall(client, GET)
            await asyncio.wait_for(echo.closed.wait(), 5)

    async def test_a_body_that_drips_is_408(self, gateway, echo, monkeypatch):
        monkeypatch.setattr("maillage_gateway.body.SILENCE_SECONDS", 0.2)
        head = f"POST {SEARCH} HTTP/1.1\r\nHost: g\r\nContent-Length: 1000\r\n\r\n"
        reader, writer = await connect(gateway)
        writer.write(head.encode())
        drips = 0
        answer = asyncio.create_task(reader.readline())
        while not answer.done() and drips < 100:
            writer.write(b"x")
            drips += 1
            await asyncio.wait({answer}, timeout=0.05)
        assert (await answer).startswith(b"HTTP/1.1 408")
        writer.close()

    @pytest.mark.parametrize("leaves", [False, True])
    async def test_bodies_that_do_not_come_are_not_the_services_fault(
        self, start_gateway, impatient, monkeypatch, leaves
    ):
        monkeypatch.setattr("maillage_gateway.body.SILENCE_SECONDS", 0.6)
        begun = f"POST {SEARCH} HTTP/1.1\r\nHost: g\r\nContent-Length: 20\r\n\r\nx".encode()
        async with start_gateway(impatient) as gateway:
            strangers = [await connect(gateway) for _ in range(2 * FAILURES)]
            for _, writer in strangers:
                writer.write(begun)
            if not leaves:
                lines = [await asyncio.wait_for(reader.readline(), 5) for reader, _ in strangers]
                assert {line.split()[1] for line in lines} == {b"408"}
            for _, writer in strangers:
                writer.close()
            assert (await gateway.client.get(NEEDS)).status_code == 200

    async def test_a_service_that_takes_no_more_of_a_body_is_silent(
        self, start_gateway, impatient, echo, issuer
    ):
        more = asyncio.Event()

        async def read_nothing(request, reader, writer):
            await more.wait()

        echo.behaviours[IMPORTS] = read_nothing
        policy = impatient.policy_file
        policy.write_text(policy.read_text("utf-8").replace("silence = 60.0", "silence = 0.2"))
        fields = f"Host: g\r\nAuthorization: Bearer {issuer.token(scope='campaigns:lists')}\r\n"
        head = f"POST {IMPORTS} HTTP/1.1\r\n{fields}Content-Length: 20000000\r\n\r\n"
        async with start_gateway(impatient) as gateway:
            reader, writer = await connect(gateway)
            writer.write(head.encode() + b"x" * 20_000_000)
            assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 504")
            writer.transport.abort()
            more.set()


class TestManyConnections:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        monkeypatch.setattr(GuardedProtocol, "max_connections", 3)

    async def test_the_one_idle_for_longest_gives_way(self, gateway):
        kept = [await connect(gateway) for _ in range(3)]
        for streams in (kept[1], kept[2], kept[0], kept[2]):
            await answered(*streams)
        newest = await connect(gateway)
        assert (await answered(*newest)).startswith(b"HTTP/1.1 200")
        assert await asyncio.wait_for(kept[1][0].read(), 2) == b""
        for streams in (kept[0], kept[2]):
            assert (await answered(*streams)).startswith(b"HTTP/1.1 200")
        for _, writer in [*kept, newest]:
            writer.close()

    async def test_one_that_waits_for_its_answer_does_not(self, gateway, echo):
        more = asyncio.Event()

        async def answer(request, reader, writer):
            await more.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

        echo.behaviours[NEEDS] = answer
        busy = [await connect(gateway) for _ in range(3)]
        for _, writer in busy:
            writer.write(GET)
        while len(echo.seen) < 3:
            await asyncio.sleep(0.01)
        reader, newest = await connect(gateway)
        assert await asyncio.wait_for(reader.read(), 2) == b""
        more.set()
        for reader, writer in busy:
            assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200")
            writer.close()
        newest.close()


class TestOwnPages:
    async def test_they_carry_a_request_id_too(self, gateway, echo):
        for path in ("/", "/openapi.json", "/health/live", "/docs/missing"):
            answer = await gateway.client.get(path)
            assert len(answer.headers["X-Request-Id"]) == 32
        missing = answer.json()
        assert missing["trace_id"] == answer.headers["X-Request-Id"]
