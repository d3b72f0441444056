"""Streams in both directions, and what happens when one side leaves in the middle."""

import asyncio

import pytest

NEEDS = "/directory/v1/needs"
IMPORTS = "/campaigns/v1/campaigns/1/imports"


def head(method, path, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: g", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


async def connect(gateway):
    return await asyncio.open_connection("127.0.0.1", gateway.port)


def bearer(issuer):
    return f"Authorization: Bearer {issuer.token(scope='campaigns:lists')}"


class TestAnswers:
    async def test_a_part_is_passed_on_before_the_next_is_there(self, gateway, echo):
        more = asyncio.Event()

        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            await writer.drain()
            await more.wait()
            writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
            await writer.drain()

        echo.behaviours[NEEDS] = answer
        async with gateway.client.stream("GET", NEEDS) as passed:
            parts = passed.aiter_bytes()
            assert await anext(parts) == b"first"
            more.set()
            assert await anext(parts) == b"second"

    @pytest.mark.parametrize(
        "start",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
        ],
    )
    async def test_a_service_that_dies_mid_answer_leaves_a_visible_cut(self, gateway, echo, start):
        async def answer(request, reader, writer):
            writer.write(start)
            await writer.drain()

        echo.behaviours[NEEDS] = answer
        reader, writer = await connect(gateway)
        writer.write(head("GET", NEEDS))
        raw = await asyncio.wait_for(reader.read(), 2)
        writer.close()
        assert b"only this" in raw
        assert not raw.endswith(b"0\r\n\r\n")

    async def test_a_large_answer_passes_whole(self, gateway, echo):
        size = 5_000_000

        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(50):
                writer.write(b"x" * (size // 50))
                await writer.drain()

        echo.behaviours[NEEDS] = answer
        assert len((await gateway.client.get(NEEDS)).content) == size


class TestLeaving:
    async def test_a_client_that_leaves_within_the_answer_cancels_it(self, gateway, echo):
        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
            await writer.drain()
            await reader.read()

        echo.behaviours[NEEDS] = answer
        reader, writer = await connect(gateway)
        writer.write(head("GET", NEEDS))
        await reader.readuntil(b"1\r\nx\r\n")
        writer.close()
        await asyncio.wait_for(echo.closed.wait(), 2)

    async def test_a_client_that_leaves_within_its_upload_cancels_it(self, gateway, echo, issuer):
        arrived = asyncio.Event()

        async def answer(request, reader, writer):
            await reader.readuntil(b"part")
            arrived.set()
            await reader.read()

        echo.behaviours[IMPORTS] = answer
        _, writer = await connect(gateway)
        writer.write(head("POST", IMPORTS, bearer(issuer), "Transfer-Encoding: chunked"))
        writer.write(b"4\r\npart\r\n")
        await asyncio.wait_for(arrived.wait(), 2)
        writer.close()
        await asyncio.wait_for(echo.closed.wait(), 2)

    async def test_a_client_that_leaves_before_the_answer_cancels_that_call_alone(
        self, gateway, echo
    ):
        asked = asyncio.Event()

        async def answer(request, reader, writer):
            asked.set()
            await reader.read()

        echo.behaviours[NEEDS] = answer
        _, writer = await connect(gateway)
        writer.write(head("GET", NEEDS))
        await asyncio.wait_for(asked.wait(), 2)
        writer.close()
        await asyncio.wait_for(echo.closed.wait(), 2)
        assert (await gateway.client.get("/directory/v1/territories")).status_code == 200


class TestUploads:
    async def test_a_part_reaches_the_service_before_the_next_is_sent(self, gateway, echo, issuer):
        arrived = asyncio.Event()

        async def answer(request, reader, writer):
            await reader.readuntil(b"first")
            arrived.set()
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()

        echo.behaviours[IMPORTS] = answer
        reader, writer = await connect(gateway)
        writer.write(head("POST", IMPORTS, bearer(issuer), "Transfer-Encoding: chunked"))
        writer.write(b"5\r\nfirst\r\n")
        await asyncio.wait_for(arrived.wait(), 2)
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200")
        writer.close()

    async def test_a_service_may_answer_before_the_upload_ends(self, gateway, echo, issuer):
        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 415 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            await writer.drain()
            await reader.read()

        echo.behaviours[IMPORTS] = answer
        reader, writer = await connect(gateway)
        writer.write(head("POST", IMPORTS, bearer(issuer), "Content-Length: 100000"))
        writer.write(b"x" * 1000)
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 415")
        writer.close()

    async def test_nothing_is_continued_before_the_caller_is_known(self, gateway, echo):
        raw = await gateway.talk(
            head("POST", IMPORTS, "Expect: 100-continue", "Content-Length: 100000")
        )
        assert raw.startswith(b"HTTP/1.1 401")

    async def test_an_expected_continue_is_sent(self, gateway, echo, issuer):
        reader, writer = await connect(gateway)
        fields = (bearer(issuer), "Expect: 100-continue", "Content-Length: 4")
        writer.write(head("POST", IMPORTS, *fields))
        assert await asyncio.wait_for(reader.readline(), 2) == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"body")
        await reader.readline()
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200")
        assert echo.last.body == b"body"
        writer.close()


class TestFailures:
    async def test_a_service_that_cannot_be_reached_is_503(self, start_gateway, settings):
        nowhere = settings.model_copy(update={"directory_url": "http://127.0.0.1:1"})
        async with start_gateway(nowhere) as gateway:
            answer = await gateway.client.get(NEEDS)
        assert answer.status_code == 503
        assert answer.json()["code"] == "service_unavailable"
        assert answer.headers["Retry-After"] == "5"

    async def test_a_service_that_hangs_up_is_502(self, gateway, echo, issuer):
        async def answer(request, reader, writer):
            pass

        echo.behaviours["/directory/v1/services/search"] = answer
        answer_ = await gateway.client.post("/directory/v1/services/search", json={})
        assert (answer_.status_code, answer_.json()["code"]) == (502, "service_broke")
        assert len(echo.seen) == 1

    async def test_a_service_that_speaks_no_http_is_502(self, gateway, echo):
        async def answer(request, reader, writer):
            writer.write(b"220 smtp.example ESMTP\r\n\r\n")
            await writer.drain()

        echo.behaviours[NEEDS] = answer
        answer_ = await gateway.client.get(NEEDS)
        assert (answer_.status_code, answer_.json()["code"]) == (502, "service_broke")

    async def test_a_service_that_stays_silent_is_504(self, start_gateway, impatient, echo):
        async def answer(request, reader, writer):
            await reader.read()

        echo.behaviours[NEEDS] = answer
        async with start_gateway(impatient) as gateway:
            answer_ = await gateway.client.get(NEEDS)
        assert (answer_.status_code, answer_.json()["code"]) == (504, "service_too_slow")
        assert echo.closed.is_set()

    async def test_a_service_that_falls_silent_within_its_answer_leaves_a_cut(
        self, start_gateway, impatient, echo
    ):
        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            await writer.drain()
            await reader.read()

        echo.behaviours[NEEDS] = answer
        async with start_gateway(impatient) as gateway:
            reader, writer = await connect(gateway)
            writer.write(head("GET", NEEDS))
            raw = await asyncio.wait_for(reader.read(), 2)
            writer.close()
        assert raw.endswith(b"only this")
