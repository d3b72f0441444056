"""Hostile requests and answers over bare sockets: what passes has one meaning, or does not pass."""

import asyncio

import pytest

NEEDS = "/directory/v1/needs"
SEARCH = "/directory/v1/services/search"
INBOX = "/referrals/v1/inbox"
SMUGGLED = b"GET /directory/v1/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"


def raw(line, *fields, body=b""):
    lines = [line, "Host: g", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def get(path, *fields):
    return raw(f"GET {path} HTTP/1.1", *fields)


def post(*fields, body=b""):
    return raw(f"POST {SEARCH} HTTP/1.1", *fields, body=body)


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


class TestTokens:
    async def test_an_oversize_token_is_refused_before_any_key_is_asked_for(
        self, gateway, echo, issuer
    ):
        assert (
            status(await gateway.talk(get(NEEDS, f"Authorization: Bearer {issuer.token()}"))) == 200
        )
        keys = issuer.source.documents.pop("/jwks.json")
        token = issuer.token(padding="x" * 9000)
        answer = await gateway.talk(get(NEEDS, f"Authorization: Bearer {token}"))
        assert status(answer) == 401
        head, _, rest = issuer.token().partition(".")
        forged = f"{head}.{'A' * 8000}.{rest}"
        assert status(await gateway.talk(get(NEEDS, f"Authorization: Bearer {forged}"))) == 401
        assert not issuer.source.seen
        issuer.source.documents["/jwks.json"] = keys

    async def test_a_token_counts_in_one_place_and_once(self, gateway, echo, issuer):
        token = issuer.token(scope="referrals:read")
        for fields, expected in [
            ((f"Authorization: bearer {token}",), 200),
            ((f"authorization: BEARER {token}",), 200),
            ((f"Authorization: Bearer {token}", f"Authorization: Bearer {token}"), 400),
            ((f"Authorization: Bearer {token}, Bearer {token}",), 401),
            ((f"Authorization: Bearer {token},",), 401),
            ((f"Authorization: Bearer  {token}",), 401),
            ((f"Authorization: {token}",), 401),
            ((f"Authorization: Basic {token}",), 401),
            ((f"Authorization:\r\n Bearer {token}",), 400),
            ((f"Authorization : Bearer {token}",), 400),
            ((f"Proxy-Authorization: Bearer {token}",), 401),
            ((f"X-Authorization: Bearer {token}",), 401),
            ((f"Authorization_: Bearer {token}",), 401),
            ((f"Cookie: access_token={token}; Authorization={token}",), 401),
        ]:
            assert status(await gateway.talk(get(INBOX, *fields))) == expected, fields[0][:24]
        for query in ("access_token", "ACCESS_TOKEN", "access%5ftoken", "x=1&access_token"):
            assert status(await gateway.talk(get(f"{INBOX}?{query}={token}"))) == 400
        form = f"access_token={token}".encode()
        fields = (
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(form)}",
        )
        line = "POST /referrals/v1/consents HTTP/1.1"
        assert status(await gateway.talk(raw(line, *fields, body=form))) == 401


class TestHeaders:
    async def test_no_spelling_of_an_identity_reaches_a_service(self, gateway, echo):
        forged = "forged-identity"
        names = ("user", "user-id", "user_id", "auth.user", "forwarded-for", "real-ip", "client-id")
        fields = [
            f"{prefix}{name}: {forged}"
            for name in names
            for prefix in ("X-", "x_", "X.", "HTTP_X_", "X-Maillage-", "x-original-")
        ]
        fields += [
            f"Connection: x-user, {', '.join(names)}",
            f"Forwarded: for=10.0.0.1;host={forged};proto=gopher",
            f"X-Original-URL: /{forged}",
            f"X-Rewrite-URL: /{forged}",
            f"X-Forwarded-Prefix: /{forged}",
            f"baggage: person={forged}",
            f"X-Request-Id: {forged}",
            f"Maillage-Subject-Token: {forged}",
        ]
        answer = await gateway.talk(get(NEEDS, *fields))
        assert status(answer) == 200
        assert forged not in str(echo.last)
        assert forged.encode() not in answer

    async def test_a_header_cannot_be_split(self, gateway, echo):
        for value in ("a\rX-User: b", "a\nX-User: b", "a\x00b", "a\r\n\tX-User: b"):
            answer = await gateway.talk(get(NEEDS, f"X-Request-Id: {value}"))
            assert status(answer) == 400, value
        assert not echo.seen


class TestTargets:
    async def test_a_target_that_could_be_read_otherwise_is_refused(self, gateway, echo):
        for target in [
            *("/directory/v1//needs", "/directory/v1/needs/.", "/directory/v1/needs/.."),
            *("/directory/v1/..%2fneeds", "/directory/v1/%2E%2E/needs", "/directory/v1/.%2e/needs"),
            *("/directory/v1/needs%2f", "/directory/v1/needs%5c", "/directory/v1\\..\\needs"),
            *("/directory/v1/needs;a=b", "/directory/v1/needs%20;"),
            *("/directory/v1/%c0%ae%c0%ae/needs", "/directory/v1/%u002e/needs", "//evil/x"),
            *("/directory/v1/needs%0d%0aX:1", "/directory/v1/ne\xe9ds", "/./directory/v1/needs"),
        ]:
            answer = await gateway.talk(get(target))
            assert status(answer) == 400, target
        assert not echo.seen

    async def test_what_differs_from_a_route_by_case_dot_or_slash_is_another_path(
        self, gateway, echo
    ):
        for target in ("/Directory/v1/needs", "/DIRECTORY/V1/NEEDS", "/directory./v1/needs"):
            assert status(await gateway.talk(get(target))) == 404, target
        for target in ("/directory/v1/needs/", "/referrals/v1/inbox/"):
            assert status(await gateway.talk(get(target))) == 404, target
        assert not echo.seen

    async def test_another_authority_or_method_in_a_header_changes_nothing(self, gateway, echo):
        absolute = f"GET http://evil.example:1{NEEDS} HTTP/1.1"
        overrides = [
            *("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: PUT"),
            *("X-Forwarded-Method: DELETE", "X-Forwarded-Uri: /referrals/v1/inbox"),
        ]
        assert status(await gateway.talk(raw(absolute, *overrides))) == 200
        seen = echo.last
        assert seen.line == f"GET {NEEDS} HTTP/1.1".encode()
        assert seen.one("Host") == echo.url.removeprefix("http://")
        assert seen.one("X-Forwarded-Host") == "127.0.0.1:8000"
        assert not any(word in seen.words() for word in ("evil", "DELETE", "PUT", "inbox"))


class TestFraming:
    async def test_a_request_with_two_ends_is_refused_and_the_connection_closed(
        self, gateway, echo
    ):
        chunked = "Transfer-Encoding: chunked"
        for request in [
            post("Content-Length: 6", chunked, body=b"0\r\n\r\n" + SMUGGLED),
            post(chunked, "Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED),
            post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
            post("Transfer-Encoding: chunked;x", body=b"0\r\n\r\n" + SMUGGLED),
            post('Transfer-Encoding: "chunked"', body=b"0\r\n\r\n" + SMUGGLED),
            post("X: y\r\n Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
            post("X: y\nTransfer-Encoding: chunked", "Content-Length: 0", body=SMUGGLED),
            post("Content-Length: 5 5", body=b"12345" + SMUGGLED),
            post("Content-Length: 5\x0b", body=b"12345" + SMUGGLED),
            post("Content-Length:", body=SMUGGLED),
            post(chunked, body=b"5\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"-5\r\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"0x5\r\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"fffffffffffffffff\r\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"5\r\nabcdefg\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"5;x=\ny\r\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            post(chunked, body=b"5 \r\nabcde\r\n0\r\n\r\n" + SMUGGLED),
            b"GET " + NEEDS.encode() + b" HTTP/1.1\nHost: g\n\n" + SMUGGLED,
            b"GET " + NEEDS.encode() + b" HTTP/1.2\r\nHost: g\r\n\r\n" + SMUGGLED,
            b"GET " + NEEDS.encode() + b"\r\n\r\n" + SMUGGLED,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
        ]:
            answer = await gateway.talk(request)
            assert status(answer) in (400, 413), request
            assert answer.count(b"HTTP/1.1 ") == 1, request
        assert not any("smuggled" in seen.target for seen in echo.seen)

    async def test_chunk_extensions_and_trailers_do_not_reach_the_service(self, gateway, echo):
        body = b"2;ext=forged\r\n{}\r\n0\r\nX-User: forged\r\nAuthorization: Bearer x\r\n\r\n"
        answer = await gateway.talk(
            post("Transfer-Encoding: chunked", "Trailer: Authorization", body=body)
        )
        assert status(answer) == 200
        assert echo.last.body == b"{}"
        assert "forged" not in str(echo.last)

    async def test_an_upgrade_is_not_made(self, gateway, echo):
        for protocol in ("h2c", "websocket", "TLS/1.2"):
            fields = ("Connection: Upgrade", f"Upgrade: {protocol}", "HTTP2-Settings: AAAA")
            answer = await gateway.talk(get(NEEDS, *fields, "Sec-WebSocket-Key: AAAA"))
            assert status(answer) == 200, protocol
            assert echo.last.all("Upgrade") == echo.last.all("Connection") == []


class TestAnswers:
    """What a service that has been taken over, or is only wrong, can do to its neighbours."""

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch):
        monkeypatch.setattr("maillage_gateway.breaker.FAILURES", 100)

    @pytest.fixture
    def answering(self, gateway, echo):
        async def ask(answer, *, close=True):
            async def behaviour(request, reader, writer):
                writer.write(answer)
                await writer.drain()
                if not close:
                    await reader.read()

            echo.behaviours[NEEDS] = behaviour
            return await gateway.talk(get(NEEDS))

        return ask

    async def test_an_answer_with_two_ends_is_502(self, answering):
        for fields in (
            b"Content-Length: 2\r\nContent-Length: 30",
            b"Content-Length: 2\r\nTransfer-Encoding: chunked",
            b"Content-Length: two",
        ):
            answer = await answering(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n{}" + b"x" * 28)
            assert status(answer) == 502, fields
            assert answer.count(b"HTTP/1.1 ") == 1

    async def test_more_than_the_answer_reaches_nobody(self, gateway, answering, echo):
        second = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        answer = await answering(first + second, close=False)
        assert b"poisoned" not in answer
        for _ in range(3):
            answer = await gateway.talk(get("/directory/v1/territories"))
            assert status(answer) == 200
            assert b"poisoned" not in answer

    async def test_trailers_and_interim_answers_are_dropped(self, answering):
        answer = await answering(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
            b"2\r\n{}\r\n0\r\nX-Late: 1\r\nSet-Cookie: a=b\r\n\r\n",
            close=False,
        )
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"{}" in answer
        assert b"late" not in answer.lower()
        assert b"a=b" not in answer

    async def test_a_head_without_end_is_502(self, answering):
        answer = await answering(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n")
        assert status(answer) == 502

    async def test_events_pass_one_by_one_and_remember_where_they_were(self, gateway, echo):
        more = asyncio.Event()

        async def events(request, reader, writer):
            assert request.one("Last-Event-ID") == "41"
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n12\r\nid: 42\ndata: one\n\n\r\n"
            )
            await writer.drain()
            await more.wait()
            writer.write(b"b\r\ndata: two\n\n\r\n0\r\n\r\n")
            await writer.drain()

        echo.behaviours[NEEDS] = events
        headers = {"Accept": "text/event-stream", "Last-Event-ID": "41"}
        async with gateway.client.stream("GET", NEEDS, headers=headers) as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            parts = stream.aiter_bytes()
            assert await anext(parts) == b"id: 42\ndata: one\n\n"
            more.set()
            assert await anext(parts) == b"data: two\n\n"


class TestSlowloris:
    async def test_hundreds_of_open_heads_do_not_keep_others_out(self, gateway):
        held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(300)]
        for _, writer in held:
            writer.write(b"GET / HTTP/1.1\r\nHost: g\r\nX-Slow: ")
        assert status(await gateway.talk(get(NEEDS))) == 200
        for _, writer in held:
            writer.close()
