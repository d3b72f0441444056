"""Connections to a service: when one is used again, and where an answer ends."""

import asyncio

import pytest

NEEDS = "/directory/v1/needs"
OTHER = "/directory/v1/territories"
IMPORTS = "/campaigns/v1/campaigns/1/imports"


class Talker:
    """A service that answers a path with given bytes, and counts connections that asked for it."""

    def __init__(self):
        self.answers = {}
        self.connections = 0

    async def serve(self, reader, writer):
        is_new = True
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].decode()
                if path in (NEEDS, OTHER):
                    self.connections += is_new
                    is_new = False
                answer, stays = self.answers.get(path, (ok(b"{}"), True))
                writer.write(answer)
                await writer.drain()
                if not stays:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def ok(body, *fields):
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields, b"", b""]
    return b"\r\n".join(lines) + body


@pytest.fixture
async def talker():
    talker = Talker()
    server = await asyncio.start_server(talker.serve, "127.0.0.1", 0)
    talker.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield talker
    server.close()


@pytest.fixture
async def asked(start_gateway, settings, talker, monkeypatch):
    monkeypatch.setattr("maillage_gateway.readiness.PROBE_SECONDS", 60.0)
    """A gateway before the talker, with one connection open to it and no probes."""
    addresses = {f"{name}_url": talker.url for name in ("directory", "referrals", "campaigns")}
    async with start_gateway(settings.model_copy(update=addresses)) as gateway:
        await gateway.client.get(OTHER)
        talker.connections = 0
        yield gateway


class TestReuse:
    async def test_requests_follow_each_other_on_one_connection(self, asked, talker):
        talker.answers[NEEDS] = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            True,
        )
        for path in (OTHER, NEEDS, OTHER):
            assert (await asked.client.get(path)).content == b"{}"
        for answer, status in [
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304),
            (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
            (ok(b"", b"X: y"), 200),
            (b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + ok(b"{}"), 200),
        ]:
            talker.answers[NEEDS] = (answer, True)
            assert (await asked.client.get(NEEDS)).status_code == status
        talker.answers[NEEDS] = (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", True)
        assert (await asked.client.head(NEEDS)).headers["Content-Length"] == "99"
        assert (await asked.client.get(OTHER)).content == b"{}"
        assert talker.connections == 0

    async def test_a_connection_that_is_not_clean_is_closed(self, asked, talker):
        for answer in [
            ok(b"{}", b"Connection: close"),
            ok(b"{}") + b"surplus",
            ok(b"{}") + ok(b"poison"),
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ]:
            talker.answers[NEEDS] = (answer, True)
            assert (await asked.client.get(NEEDS)).content == b"{}"
            assert (await asked.client.get(OTHER)).content == b"{}"
        assert talker.connections >= 4


class TestEnds:
    async def test_an_answer_without_length_ends_with_its_connection(self, asked, talker):
        talker.answers[NEEDS] = (b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it", False)
        assert (await asked.client.get(NEEDS)).content == b"all of it"
        assert (await asked.client.get(OTHER)).status_code == 200

    async def test_a_coding_other_than_chunks_is_502(self, asked, talker):
        talker.answers[NEEDS] = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", True)
        assert (await asked.client.get(NEEDS)).status_code == 502

    async def test_a_slow_reader_makes_the_service_wait(self, gateway, echo):
        sent = 0

        async def endless(request, reader, writer):
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000

        echo.behaviours[NEEDS] = endless
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1000)
        writer.write(f"GET {NEEDS} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 20_000_000
        writer.transport.abort()
        await asyncio.wait_for(echo.closed.wait(), 5)


class Mortal:
    """A service whose kept connections die with it, unseen until something is sent on them."""

    def __init__(self, connections):
        self.has_died = False
        self._together = asyncio.Barrier(connections)

    async def serve(self, reader, writer):
        began_before = not self.has_died
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if NEEDS.encode() in head and began_before:
                    if self.has_died:
                        break
                    await self._together.wait()
                writer.write(ok(b"{}"))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class TestDeadConnections:
    async def test_what_may_be_repeated_goes_on_a_new_one(
        self, start_gateway, settings, monkeypatch
    ):
        monkeypatch.setattr("maillage_gateway.readiness.PROBE_SECONDS", 60.0)
        mortal = Mortal(connections=3)
        async with await asyncio.start_server(mortal.serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            addresses = {"directory_url": url, "referrals_url": url, "campaigns_url": url}
            async with start_gateway(settings.model_copy(update=addresses)) as gateway:

                async def three():
                    asked = (gateway.client.get(NEEDS) for _ in range(3))
                    return [answer.status_code for answer in await asyncio.gather(*asked)]

                assert await three() == [200] * 3
                mortal.has_died = True
                assert (await gateway.client.get(NEEDS)).status_code == 200
