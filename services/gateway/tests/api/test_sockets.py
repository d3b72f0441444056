"""What only a bare socket can send: requests that two parsers could read in two ways."""

import asyncio

import pytest

NEEDS = b"/directory/v1/needs"
SEARCH = b"/directory/v1/services/search"


def post(*fields, body=b""):
    lines = [b"POST " + SEARCH + b" HTTP/1.1", b"Host: g", *fields, b"", b""]
    return b"\r\n".join(lines) + body


def get(*fields, target=NEEDS):
    return b"\r\n".join([b"GET " + target + b" HTTP/1.1", *fields, b"", b""])


SMUGGLED = b"GET /directory/v1/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"


class TestFraming:
    @pytest.mark.parametrize(
        "request_",
        [
            post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Content-Length: 0", b"Content-Length: 5", body=b"12345" + SMUGGLED),
            post(b"Content-Length: 5, 5", body=b"12345" + SMUGGLED),
            post(b"Content-Length: +5", body=b"12345"),
            post(b"Content-Length: -1", body=b""),
            post(b"Content-Length: 0x5", body=b"12345"),
            post(b"Content-Length: 99999999999999999999", body=b"12345"),
            post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
            post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
            post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
            post(b"Transfer-Encoding: chunked", body=b"g\r\n\r\n"),
            post(b"Transfer-Encoding: chunked", body=b"1;\n\r\nx\r\n0\r\n\r\n"),
            post(b"X: a\r\n folded: b", b"Content-Length: 0"),
            post(b"X: a\nY: b", b"Content-Length: 0"),
            post(b"X\x00: a", b"Content-Length: 0"),
            post(b"X: a\x00b", b"Content-Length: 0"),
            post(b"Bad Name: a", b"Content-Length: 0"),
        ],
    )
    async def test_a_request_with_two_ends_is_refused_and_the_connection_closed(
        self, gateway, echo, request_
    ):
        raw = await gateway.talk(request_)
        assert raw.startswith(b"HTTP/1.1 400")
        assert raw.count(b"HTTP/1.1 ") == 1
        assert not any("smuggled" in seen.target for seen in echo.seen)

    async def test_trailers_do_not_become_headers(self, gateway, echo):
        body = b"2\r\n{}\r\n0\r\nAuthorization: Bearer forged\r\nIf-Match: forged\r\n\r\n"
        raw = await gateway.talk(post(b"Transfer-Encoding: chunked", body=body))
        assert raw.startswith(b"HTTP/1.1 200")
        assert "forged" not in str(echo.last)

    async def test_pipelined_requests_are_answered_in_order(self, gateway, echo):
        first = get(b"Host: g", target=b"/directory/v1/needs?n=1")
        second = get(b"Host: g", target=b"/directory/v1/needs?n=2")
        raw = await gateway.talk(first + second)
        assert raw.index(b"n=1") < raw.index(b"n=2")

    async def test_a_get_with_a_body_is_refused(self, gateway, echo):
        raw = await gateway.talk(get(b"Host: g", b"Content-Length: 5") + b"12345")
        assert raw.startswith(b"HTTP/1.1 413")
        assert not echo.seen

    async def test_a_request_after_one_that_was_refused_is_read_on_its_own(self, gateway, echo):
        # The refused body ends where its length says; what follows is a request, not smuggled.
        refused = post(b"Content-Length: 40", b"Authorization: Bearer x", body=b"y" * 40)
        raw = await gateway.talk(refused + get(b"Host: g"))
        assert raw.startswith(b"HTTP/1.1 401")
        assert b"HTTP/1.1 200" in raw
        assert [seen.target for seen in echo.seen] == [NEEDS.decode()]


class TestHeads:
    @pytest.mark.parametrize(
        "fields",
        [
            (),
            (b"Host: g", b"Host: h"),
            (b"Host: g", b"Authorization: Bearer a", b"Authorization: Bearer b"),
            (b"Host: g", b"Idempotency-Key: a", b"Idempotency-Key: b"),
            (b"Host: g", b"Accept-Language: \xff\xfe"),
        ],
    )
    async def test_headers_that_contradict_each_other_are_refused(self, gateway, echo, fields):
        raw = await gateway.talk(get(*fields))
        assert raw.startswith(b"HTTP/1.1 400")
        assert b'"bad_headers"' in raw
        assert not echo.seen

    @pytest.mark.parametrize(
        "fields", [(b"X: " + b"a" * 40_000,), tuple(b"X-%d: a" % n for n in range(150))]
    )
    async def test_too_much_head_is_431(self, gateway, echo, fields):
        raw = await gateway.talk(get(b"Host: g", *fields))
        assert raw.startswith(b"HTTP/1.1 431")

    @pytest.mark.parametrize("target", [b"/" + b"a" * 3000, NEEDS + b"?q=" + b"a" * 9000])
    async def test_too_long_an_address_is_414(self, gateway, target):
        assert (await gateway.talk(get(b"Host: g", target=target))).startswith(b"HTTP/1.1 414")

    @pytest.mark.parametrize("line", [b"OPTIONS * HTTP/1.1", b"CONNECT evil.example:443 HTTP/1.1"])
    async def test_a_request_for_no_path_is_refused(self, gateway, echo, line):
        raw = await gateway.talk(line + b"\r\nHost: g\r\n\r\n")
        assert raw.startswith(b"HTTP/1.1 400")
        assert not echo.seen

    async def test_an_upgrade_is_ignored(self, gateway, echo):
        fields = (b"Host: g", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
        raw = await gateway.talk(get(*fields))
        assert raw.startswith(b"HTTP/1.1 200")
        assert echo.last.all("Upgrade") == []

    async def test_a_method_override_does_not_override(self, gateway, echo):
        await gateway.talk(get(b"Host: g", b"X-HTTP-Method-Override: DELETE"))
        assert echo.last.line.startswith(b"GET ")
        assert "DELETE" not in str(echo.last)

    async def test_a_head_without_end_is_refused(self, gateway):
        endless = [b"GET / HTTP/1.1\r\nHost: g\r\n", *[b"X: " + b"a" * 8000 + b"\r\n"] * 12]
        raw = await gateway.talk(*endless)
        assert raw.startswith(b"HTTP/1.1 431") or raw == b""

    async def test_a_head_that_drips_is_cut_off(self, gateway, monkeypatch):
        monkeypatch.setattr("maillage_common.protocol.HEAD_SECONDS", 0.1)
        raw = await gateway.talk(b"GET /directory/v1/needs HTTP/1.1\r\nHo")
        assert raw.startswith(b"HTTP/1.1 408")
        assert b'"head_too_slow"' in raw

    async def test_a_connection_that_says_nothing_is_closed(self, gateway, monkeypatch):
        monkeypatch.setattr("maillage_common.protocol.HEAD_SECONDS", 0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()

    @pytest.mark.parametrize(
        ("request_", "is_address"),
        [
            (get(b"Host: g", target="/é".encode()), True),
            (get(b"Host: g", target="/a?q=é".encode()), True),
            (get(b"Host: g", target=b"/a b"), True),
            (b"HELO gateway\r\n\r\n", False),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", False),
            (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: g\r\n\r\n", False),
            (b"GET / HTTP/1.1\nHost: g\n\n", False),
            (get(b"Host: g", b"X: a", b" folded"), False),
            (post(b"Content-Length: 1", b"Content-Length: 2"), False),
            (post(b"Transfer-Encoding: chunked", body=b"g\r\n"), False),
        ],
    )
    async def test_what_cannot_be_parsed_gets_a_problem_document(
        self, gateway, request_, is_address
    ):
        raw = await gateway.talk(request_)
        assert raw.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in raw
        assert b'"unreadable_request"' in raw
        assert (b"%C3%A9" in raw) is is_address
