"""What a service sees of a request, and a caller of the service's answer."""

import json

import pytest

from maillage_common.clock import now
from maillage_common.tokens import InternalTokenVerifier

SERVICE = "/directory/v1/services/0194a1b2-0000-7000-8000-000000000001"


def caller_of(request, gateway, *, audience):
    trusted = {
        "issuers": [
            {"issuer": "maillage-gateway", "scopes": None, "jwks": gateway.signer.jwks()},
        ]
    }
    scheme, token = request.one("Authorization").split(" ")
    assert scheme == "Bearer"
    return InternalTokenVerifier(trusted, audience=audience).verify(token, now=now())


class TestIdentity:
    async def test_a_token_becomes_an_internal_one_for_that_service(self, gateway, echo, issuer):
        token = issuer.token(sub="p-1", client_id="app", scope="directory:read ops:read")
        answer = await gateway.client.get(SERVICE, headers={"Authorization": f"bearer {token}"})
        assert answer.status_code == 200
        caller = caller_of(echo.last, gateway, audience="directory")
        assert (caller.subject, caller.client_id) == ("p-1", "app")
        assert caller.scopes == {"directory:read", "ops:read"}
        assert token not in str(echo.last)

    async def test_organization_tenant_function_and_actors_pass(self, gateway, echo, issuer):
        organization = "5f0b1a57-0000-4000-8000-000000000001"
        await gateway.client.get(
            SERVICE,
            headers=issuer.bearer(
                org=organization, tenant="mc", function="raq", act={"sub": "back-office"}
            ),
        )
        caller = caller_of(echo.last, gateway, audience="directory")
        assert (caller.organization, caller.tenant, caller.function) == (organization, "mc", "raq")
        assert caller.acting == ("back-office",)

    async def test_a_stranger_on_an_open_route_is_anonymous(self, gateway, echo):
        answer = await gateway.client.get("/directory/v1/needs")
        assert answer.status_code == 200
        caller = caller_of(echo.last, gateway, audience="directory")
        assert caller.subject == caller.client_id == "anonymous"
        assert caller.scopes == set()

    async def test_the_internal_token_is_minted_once_for_each_service(self, gateway, echo, issuer):
        headers = issuer.bearer(scope="campaigns:call referrals:read", client_id="app")
        for _ in range(2):
            await gateway.client.get("/campaigns/v1/callbacks", headers=headers)
        await gateway.client.get("/referrals/v1/inbox", headers=headers)
        first, second, third = (request.one("Authorization") for request in echo.seen)
        assert first == second != third
        assert caller_of(echo.last, gateway, audience="referrals").client_id == "app"

    @pytest.mark.parametrize(
        "name",
        [
            *("X-User-Id", "x_user_id", "X.User.Id", "X-USER", "X-Auth-Request-User"),
            *("Maillage-Subject-Token", "Maillage_Subject_Token", "maillage.subject.token"),
            *("X-Forwarded-User", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"),
            *("Cookie", "Via", "Forwarded", "X-Real-IP", "baggage", "tracestate", "Proxy-User"),
        ],
    )
    async def test_a_header_that_names_identity_stays_outside(self, gateway, echo, name):
        await gateway.client.get("/directory/v1/needs", headers={name: "forged-value"})
        assert "forged-value" not in str(echo.last)

    async def test_forwarding_headers_are_written_anew(self, gateway, echo):
        forged = {
            "X-Forwarded-For": "10.9.8.7",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "gopher",
            "X-Request-Id": "forged",
            "User-Agent": "Somebody's browser",
        }
        answer = await gateway.client.get("/directory/v1/needs", headers=forged)
        seen = echo.last
        assert seen.all("X-Forwarded-For") == []
        assert seen.one("X-Forwarded-Host") == "127.0.0.1:8000"
        assert seen.one("X-Forwarded-Proto") == "http"
        assert seen.one("X-Request-Id") == answer.headers["X-Request-Id"] != "forged"
        assert seen.one("User-Agent") == "maillage-gateway"
        assert seen.one("Host") == echo.url.removeprefix("http://")


class TestHeaders:
    async def test_what_the_policy_names_passes_unchanged(self, gateway, echo):
        asked = {
            "Accept-Language": "nl;q=0.8, fr",
            "If-None-Match": '"v1"',
            "Accept-Encoding": "br",
        }
        await gateway.client.get("/directory/v1/needs", headers=asked)
        for name, value in asked.items():
            assert echo.last.one(name) == value

    async def test_no_compression_is_asked_that_the_caller_did_not_ask(self, gateway, echo):
        await gateway.talk(b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        assert echo.last.one("Accept-Encoding") == "identity"

    async def test_connection_cannot_take_away_what_the_gateway_adds(self, gateway, echo, issuer):
        headers = {"Connection": "X-Request-Id, traceparent, if-match", "If-Match": '"v1"'}
        await gateway.client.get(SERVICE, headers=issuer.bearer() | headers)
        seen = echo.last
        assert seen.one("X-Request-Id")
        assert seen.one("traceparent")
        assert seen.all("If-Match") == []

    async def test_connection_may_not_name_the_authorization(self, gateway, echo, issuer):
        headers = issuer.bearer() | {"Connection": "authorization"}
        answer = await gateway.client.get(SERVICE, headers=headers)
        assert answer.status_code == 400
        assert not echo.seen

    async def test_the_answers_hop_by_hop_headers_end_here(self, gateway, echo):
        async def answer(request, reader, writer):
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
                b'Keep-Alive: timeout=5\r\nServer: secretive/1.0\r\nETag: "v1"\r\n'
                b"Access-Control-Allow-Origin: https://evil.example\r\n\r\nok"
            )
            await writer.drain()

        echo.behaviours["/directory/v1/needs"] = answer
        passed = await gateway.client.get("/directory/v1/needs")
        assert passed.text == "ok"
        assert passed.headers["ETag"] == '"v1"'
        assert passed.headers["Access-Control-Allow-Origin"] == "*"
        for name in ("X-Hop", "Keep-Alive", "Server"):
            assert name not in passed.headers

    async def test_every_answer_is_safe_to_open_in_a_browser(self, gateway, echo, issuer):
        answer = await gateway.client.get("/referrals/v1/inbox", headers=issuer.bearer())
        refused = await gateway.client.get("/nothing")
        for headers in (answer.headers, refused.headers):
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Cache-Control"] == "no-store"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


class TestPaths:
    @pytest.mark.parametrize(
        "target",
        [
            "/directory/v1/services/a%20b%C3%A9?q=%2F%2e&&x=%zz",
            "/directory/v1/services/..a?",
            "/directory/v1/services/a:b@c,(d)!",
        ],
    )
    async def test_path_and_query_pass_byte_for_byte(self, gateway, echo, target):
        await gateway.talk(f"GET {target} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
        assert echo.last.target == target.removesuffix("?")

    async def test_an_absolute_address_is_no_way_round_the_policy(self, gateway, echo):
        await gateway.talk(
            b"GET http://evil.example/directory/v1/needs HTTP/1.1\r\nHost: evil.example\r\n\r\n"
        )
        assert echo.last.target == "/directory/v1/needs"
        assert "evil" not in echo.last.words()

    @pytest.mark.parametrize(
        "target",
        [
            "/directory//v1/needs",
            "//directory/v1/needs",
            "/directory/v1/./needs",
            "/directory/v1/x/../needs",
            "/directory/v1/x/%2e%2e/needs",
            "/directory/v1/x/.%2E/needs",
            "/directory/v1%2fneeds",
            "/directory/v1/needs;x=1",
            "/directory/v1/needs%3Bx",
            "/directory/v1\\needs",
            "/directory/v1/%6eeeds",
            "/directory/v1/needs%00",
            "/directory/v1/needs%",
            "/directory/v1/%252e%252e/needs",
            "/directory/v1/%ff",
        ],
    )
    async def test_a_path_with_two_readings_is_refused(self, gateway, echo, target):
        raw = await gateway.talk(f"GET {target} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
        assert raw.startswith(b"HTTP/1.1 400")
        assert not echo.seen


class TestTraces:
    PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    STATE = "rojo=00f067aa0ba902b7, congo@vendor=t61rcWkgMzE"

    async def ask(self, gateway, *fields):
        # Over a bare socket: httpx is instrumented in this process and writes its own.
        lines = ["GET /directory/v1/needs HTTP/1.1", "Host: g", "Connection: close", *fields]
        return await gateway.talk("\r\n".join([*lines, "", ""]).encode())

    async def test_the_callers_trace_goes_on(self, gateway, echo):
        answer = await self.ask(gateway, f"traceparent: {self.PARENT}", f"tracestate: {self.STATE}")
        version, trace_id, span_id, flags = echo.last.one("traceparent").split("-")
        assert (version, trace_id, flags) == ("00", "0af7651916cd43dd8448eb211c80319c", "01")
        assert span_id != "b7ad6b7169203331"
        assert echo.last.one("tracestate") == self.STATE.replace(", ", ",")
        assert f"x-request-id: {trace_id}".encode() in answer

    async def test_a_trace_that_begins_here_says_that_its_id_is_random(self, gateway, echo):
        await self.ask(gateway, f"tracestate: {self.STATE}")
        assert echo.last.one("traceparent").endswith("-03")
        assert echo.last.all("tracestate") == []

    async def test_a_malformed_traceparent_begins_a_new_trace(self, gateway, echo):
        parent = self.PARENT
        malformed = [
            *("", "nonsense", parent.upper(), parent[:-1], parent + "-x", parent + "."),
            *("ff" + parent[2:], "0" + parent[2:], "00-" + "0" * 32 + parent[35:]),
            *(parent[:36] + "0" * 16 + "-01", parent.replace("-", "_"), "01" + parent[2:] + "x"),
            *(parent[:-2] + "0g", parent + ", " + parent),
        ]
        for value in malformed:
            await self.ask(gateway, f"traceparent: {value}", f"tracestate: {self.STATE}")
            seen = echo.last
            assert "0af7651916cd43dd8448eb211c80319c" not in seen.one("traceparent"), value
            assert seen.all("tracestate") == [], value
        twice = [f"traceparent: {parent}"] * 2
        await self.ask(gateway, *twice, f"tracestate: {self.STATE}")
        assert "0af7651916cd43dd8448eb211c80319c" not in echo.last.one("traceparent")
        assert len(echo.seen) == len(malformed) + 1

    async def test_later_versions_are_read_as_far_as_they_are_known(self, gateway, echo):
        for value, flags in [
            ("01" + self.PARENT[2:], "01"),
            ("cc" + self.PARENT[2:] + "-what-the-future-will-be", "01"),
            (self.PARENT[:-2] + "ff", "03"),
            (self.PARENT[:-2] + "02", "03"),
        ]:
            await self.ask(gateway, f"traceparent: {value}")
            version, trace_id, _, passed = echo.last.one("traceparent").split("-")
            assert (version, trace_id) == ("00", "0af7651916cd43dd8448eb211c80319c")
            assert passed == flags

    async def test_a_tracestate_that_is_not_valid_or_too_long_is_dropped_alone(self, gateway, echo):
        for state in [
            *("nonsense", "=1", "Upper=1", "a=1,a=2", "a b=1", "a=b=c", "@vendor=1", "a=" + "\t"),
            ",".join(f"k{number}=1" for number in range(33)),
            "long=" + "x" * 4096,
            "a=1,b=" + "x" * 255 + "," + "c=" + "x" * 255,
        ]:
            await self.ask(gateway, f"traceparent: {self.PARENT}", f"tracestate: {state}")
            seen = echo.last
            assert "0af7651916cd43dd8448eb211c80319c" in seen.one("traceparent"), state
            assert seen.all("tracestate") == [], state

    async def test_several_tracestates_are_one_list(self, gateway, echo):
        states = ("tracestate: a=1, b=2", "tracestate: ,", "tracestate: c=3\t")
        await self.ask(gateway, f"traceparent: {self.PARENT}", *states)
        assert echo.last.one("tracestate") == "a=1,b=2,c=3"

    async def test_a_stranger_cannot_force_a_recording(self, start_gateway, settings, echo):
        async with start_gateway(settings.model_copy(update={"trace_ratio": 0.0})) as gateway:
            await self.ask(gateway, f"traceparent: {self.PARENT}")
        assert echo.last.one("traceparent").endswith("-00")


class TestMethods:
    async def test_head_has_the_length_and_no_body(self, gateway, echo):
        async def answer(request, reader, writer):
            assert request.line.startswith(b"HEAD ")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nConnection: close\r\n\r\n")
            await writer.drain()

        echo.behaviours["/directory/v1/needs"] = answer
        raw = await gateway.talk(b"HEAD /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        head, _, body = raw.partition(b"\r\n\r\n")
        assert b"content-length: 1234" in head.lower()
        assert body == b""

    @pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
    async def test_an_answer_without_a_body_has_no_length(self, gateway, echo, status):
        async def answer(request, reader, writer):
            length = b"" if status.startswith(b"204") else b"Content-Length: 99\r\n"
            writer.write(b"HTTP/1.1 " + status + b'\r\nETag: "v1"\r\n' + length + b"\r\n")
            await writer.drain()

        echo.behaviours["/directory/v1/needs"] = answer
        raw = await gateway.talk(b"GET /directory/v1/needs HTTP/1.1\r\nHost: g\r\n\r\n")
        assert raw.startswith(b"HTTP/1.1 " + status)
        assert b"content-length" not in raw.lower()
        assert b"transfer-encoding" not in raw.lower()
        assert raw.endswith(b"\r\n\r\n")

    async def test_a_redirect_is_passed_on_and_not_followed(self, gateway, echo):
        async def answer(request, reader, writer):
            writer.write(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        echo.behaviours["/directory/v1/needs"] = answer
        passed = await gateway.client.get("/directory/v1/needs")
        assert (passed.status_code, passed.headers["Location"]) == (307, "/elsewhere")
        assert len(echo.seen) == 1

    async def test_a_services_problem_passes_as_it_is(self, gateway, echo):
        problem = json.dumps({"code": "unknown_need", "status": 422}).encode()

        async def answer(request, reader, writer):
            writer.write(
                b"HTTP/1.1 422 X\r\nContent-Type: application/problem+json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(problem), problem)
            )
            await writer.drain()

        echo.behaviours["/directory/v1/services/search"] = answer
        passed = await gateway.client.post("/directory/v1/services/search", json={})
        assert (passed.status_code, passed.content) == (422, problem)


class TestBodies:
    async def test_a_short_body_arrives_with_its_length(self, gateway, echo):
        answer = await gateway.client.post("/directory/v1/services/search", json={"q": "é"})
        assert answer.json()["length"] == len(echo.last.body)
        assert json.loads(echo.last.body) == {"q": "é"}
        assert echo.last.one("Content-Length") == str(len(echo.last.body))
        assert echo.last.one("Content-Type") == "application/json"

    async def test_a_chunked_body_arrives_chunked(self, gateway, echo, issuer):
        async def parts():
            for _ in range(50):
                yield b"x" * 10_000

        answer = await gateway.client.post(
            "/campaigns/v1/campaigns/1/imports",
            content=parts(),
            headers=issuer.bearer(scope="campaigns:lists") | {"Content-Type": "text/csv"},
        )
        assert answer.json()["length"] == 500_000
        assert echo.last.all("Content-Length") == []

    async def test_a_post_without_a_body_gets_no_content_type(self, gateway, echo, issuer):
        headers = issuer.bearer(scope="campaigns:call")
        await gateway.client.post("/campaigns/v1/leases/1/release", headers=headers)
        assert echo.last.one("Content-Length") == "0"
        assert echo.last.all("Content-Type") == []
