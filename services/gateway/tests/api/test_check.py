"""The decision alone, as proxies in front ask for it."""

import json

import pytest

from maillage_common.tokens import TokenSigner, parse
from maillage_gateway.check import Check

OPEN = "/directory/v1/needs"
CLOSED = "/campaigns/v1/callbacks"


def told(method="GET", target=OPEN, **headers):
    """The headers with which Traefik and nginx tell what they ask about."""
    return {"X-Forwarded-Method": method, "X-Forwarded-Uri": target} | headers


class TestAllowed:
    async def test_both_ways_of_asking_give_the_internal_token(self, check, issuer):
        bearer = issuer.bearer(scope="campaigns:call")
        by_path = await check.client.get(f"/authz/check{CLOSED}?state=open", headers=bearer)
        by_headers = await check.client.post(
            "/authz/check", headers=bearer | told(target=f"{CLOSED}?state=open")
        )
        for answer in (by_path, by_headers):
            assert (answer.status_code, answer.content) == (200, b"")
            claims = parse(answer.headers["Authorization"].removeprefix("Bearer "))._claims
            assert (claims["iss"], claims["aud"]) == ("maillage-gateway", "campaigns")
            assert claims["scope"] == "campaigns:call"
            assert answer.headers["traceparent"].split("-")[1] == answer.headers["X-Request-Id"]
            assert answer.headers["RateLimit-Policy"].startswith('"ordinary"')

    async def test_the_method_asked_about_counts_and_not_the_one_of_the_asking(self, check):
        search = "/directory/v1/services/search"
        assert (await check.client.post(f"/authz/check{search}")).status_code == 200
        answer = await check.client.get("/authz/check", headers=told("POST", search))
        assert answer.status_code == 200
        answer = await check.client.post("/authz/check", headers=told("DELETE", OPEN))
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")

    async def test_envoy_is_told_to_drop_what_we_would_not_pass(self, check):
        headers = {"X-User": "me", "x_user": "me", "Cookie": "a=b", "Accept-Language": "fr"}
        answer = await check.client.get(f"/authz/check{OPEN}", headers=headers)
        dropped = set(answer.headers["x-envoy-auth-headers-to-remove"].split(","))
        assert {"x-user", "x_user", "cookie", "user-agent"} <= dropped
        assert dropped.isdisjoint({"accept-language", "host", "authorization"})

    async def test_a_stranger_is_counted_by_the_address_that_the_proxy_tells(self, check):
        guarded = "/authz/check/referrals/v1/card-sessions"
        remaining = []
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2, 192.0.2.1"):
            answer = await check.client.post(guarded, headers={"X-Forwarded-For": address})
            remaining.append(answer.headers["RateLimit"].split(";")[1])
        assert remaining == ["r=29", "r=28", "r=29", "r=27"]


class TestRefused:
    @pytest.mark.parametrize(
        ("path", "claims", "expected"),
        [
            (CLOSED, None, (401, "token_missing")),
            (CLOSED, {"exp": 1}, (401, "invalid_token")),
            (CLOSED, {"scope": "directory:read"}, (403, "insufficient_scope")),
            (CLOSED, {"sub": "m", "client_id": "m"}, (403, "machines_refused")),
            ("/nowhere", None, (404, "unknown_route")),
            ("/directory/v1/../v1/needs", None, (400, "bad_path")),
            ("//directory/v1/needs", None, (400, "bad_path")),
            (f"{OPEN}?access_token=x", None, (400, "token_in_query")),
        ],
    )
    async def test_with_the_problem_that_the_caller_shall_get(
        self, check, issuer, path, claims, expected
    ):
        bearer = {} if claims is None else issuer.bearer(**claims)
        answer = await check.client.get("/authz/check", headers=bearer | told(target=path))
        assert (answer.status_code, answer.json()["code"]) == expected
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "Authorization" not in answer.headers

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [("X-Forwarded-Uri", OPEN)],
            [("X-Forwarded-Method", "GET")],
            [*told().items(), ("X-Forwarded-Uri", CLOSED)],
            list(told(method="get").items()),
            list(told(target="http://g/directory/v1/needs").items()),
            [("X-Original-Method", "GET"), ("X-Original-URI", OPEN)],
            [("X_Forwarded_Method", "GET"), ("X_Forwarded_Uri", OPEN)],
        ],
    )
    async def test_a_proxy_that_does_not_say_what_it_asks_about(self, check, headers):
        answer = await check.client.get("/authz/check", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_headers")

    async def test_headers_do_not_overrule_the_path(self, check):
        answer = await check.client.get(f"/authz/check{CLOSED}", headers=told(target=OPEN))
        assert answer.status_code == 401

    async def test_a_preflight_never_passes_where_2xx_lets_through(self, check):
        answer = await check.client.get("/authz/check", headers=told("OPTIONS", CLOSED))
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")

    async def test_a_preflight_that_envoy_asks_about_is_answered_at_once(self, check):
        answer = await check.client.options(f"/authz/check{OPEN}")
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"


class TestAtOnce:
    """What needs no waiting is answered by the connection, without calling the application."""

    async def test_the_answer_is_the_one_that_a_call_gives(self, check, issuer):
        bearer = issuer.bearer(scope="campaigns:call")
        await check.client.get(f"/authz/check{CLOSED}", headers=bearer)

        async def empty():
            yield b""

        for path in (CLOSED, "/campaigns/v1/lists", "/nowhere"):
            url = f"/authz/check{path}"
            at_once = await check.client.get(url, headers=bearer)
            called = await check.client.request("GET", url, headers=bearer, content=empty())
            assert at_once.status_code == called.status_code
            assert list(at_once.headers) == list(called.headers)
            assert at_once.headers.get("Authorization") == called.headers.get("Authorization")

    async def test_questions_in_one_packet_are_answered_in_turn(
        self, start_gateway, settings, issuer, new_pem
    ):
        def asking(path, *fields):
            lines = [f"GET /authz/check{path} HTTP/1.1", "Host: g", *fields, "", ""]
            return "\r\n".join(lines).encode()

        stranger = TokenSigner(new_pem(), issuer.name)
        unknown = f"Authorization: Bearer {issuer.token(signer=stranger)}"
        impatient = settings.model_copy(update={"keys_cooldown_seconds": 0.0})
        async with start_gateway(impatient, Check) as check:
            raw = await check.talk(
                asking(OPEN)
                + asking(CLOSED, unknown)  # its issuer is asked first, which is waited for
                + asking("/nowhere")
                + asking(OPEN, "Connection: close")
            )
        statuses = [part[:3] for part in raw.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"200", b"401", b"404", b"200"]

    async def test_a_caller_who_is_known_waits_for_nothing_and_a_failure_is_a_problem(
        self, check, monkeypatch, caplog
    ):
        async def broken(*_):
            raise ZeroDivisionError

        def broken_at_once(*_):
            raise ZeroDivisionError

        monkeypatch.setattr("maillage_gateway.door.Door.admit", broken)
        assert (await check.client.get(f"/authz/check{OPEN}")).status_code == 200
        monkeypatch.setattr("maillage_gateway.door.Door.admit_at_once", broken_at_once)
        answer = await check.client.get(f"/authz/check{OPEN}")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        told = [r.facts["raised_at"] for r in caplog.records if r.event_code == "COM002"]
        # Where it should have been answered at once, and where it then was called.
        assert [place.rpartition(":")[0] for place in told] == [__name__] * 2


class TestLog:
    async def test_a_refusal_leaves_a_line_and_what_passes_none(
        self, start_gateway, settings, issuer, capsys
    ):
        async with start_gateway(settings, Check) as check:
            await check.client.get(f"/authz/check{OPEN}")
            await check.client.get(f"/authz/check{CLOSED}", headers=issuer.bearer(exp=1))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (line,) = (line for line in lines if line["event"] == "COM001")
        assert (line["status"], line["error"]) == (401, "invalid_token")
        assert line["reason"] == "expired"


class TestListener:
    async def test_strangers_are_told_that_there_is_nothing(self, start_gateway, settings):
        elsewhere = settings.model_copy(update={"check_peers": ()})
        async with start_gateway(elsewhere, Check) as check:
            answer = await check.client.get("/authz/check", headers=told())
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_route")

    async def test_the_public_listener_has_no_check(self, gateway):
        for path in ("/authz/check", f"/authz/check{OPEN}"):
            answer = await gateway.client.post(path, headers=told())
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_route")

    async def test_is_ready_with_keys_and_has_no_pages(self, check, issuer):
        await check.client.get(f"/authz/check{OPEN}", headers=issuer.bearer())
        assert (await check.client.get("/health/ready")).status_code == 200
        assert (await check.client.get("/health/live")).status_code == 200
        for path in ("/docs", "/openapi.json", OPEN, "/authz/checks", "/authz"):
            assert (await check.client.get(path)).status_code == 404
