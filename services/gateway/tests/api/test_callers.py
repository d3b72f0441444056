"""Who is let in, to which route, and what the others are told."""

import time

import pytest

from maillage_common.keys import TokenSigner

OPEN = "/directory/v1/needs"
CLOSED = "/campaigns/v1/callbacks"


async def ask(gateway, path=CLOSED, **headers):
    answer = await gateway.client.get(path, headers=headers)
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["trace_id"] == answer.headers["X-Request-Id"]
    assert document["type"] == f"https://maillage.brussels/problems/{document['code']}"
    return answer.status_code, document["code"]


class TestTokens:
    async def test_no_token_on_a_closed_route_is_401_with_the_scheme_alone(self, gateway, echo):
        answer = await gateway.client.get(CLOSED)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="maillage"'
        assert not echo.seen

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": int(time.time()) - 1},
            {"aud": "another"},
            {"aud": ["maillage", 7]},
            {"iat": int(time.time()) + 300, "exp": int(time.time()) + 400},
            {"exp": int(time.time()) + 90_000},
            {"client_id": None},
            {"sub": None},
            {"jti": None},
            {"sub": "campaigns", "client_id": "campaigns"},
            {"sub": "anonymous", "client_id": "anonymous"},
            {"client_id": "card", "scope": "referrals:subject"},
            {"act": {"sub": "campaigns"}},
            {"scope": ["campaigns:call"]},
        ],
    )
    async def test_a_token_that_breaks_a_rule_is_401(self, gateway, echo, issuer, claims):
        headers = issuer.bearer(**({"scope": "campaigns:call"} | claims))
        assert await ask(gateway, **headers) == (401, "invalid_token")
        assert not echo.seen

    @pytest.mark.parametrize(
        "authorization",
        [
            "Bearer",
            "Bearer a.b",
            "Bearer a.b.c",
            "Bearer a.b.c, Bearer a.b.c",
            "Basic YTpi",
            "bearer\ta.b.c",
            "Bearer " + "a" * 9000,
            "Bearer é.é.é",
        ],
    )
    async def test_a_malformed_authorization_is_401(self, gateway, echo, authorization):
        refused = await ask(gateway, Authorization=authorization.encode())
        assert refused == (401, "invalid_token")
        assert not echo.seen

    async def test_a_bad_token_on_an_open_route_is_401_and_not_anonymous(self, gateway, echo):
        assert await ask(gateway, OPEN, Authorization="Bearer a.b.c") == (401, "invalid_token")
        assert not echo.seen

    async def test_a_key_of_somebody_else_under_our_issuers_name_is_refused(
        self, gateway, issuer, new_pem
    ):
        stranger = TokenSigner(new_pem(), issuer.name)
        headers = issuer.bearer(signer=stranger, scope="campaigns:call")
        assert await ask(gateway, **headers) == (401, "invalid_token")

    async def test_an_internal_token_does_not_open_the_outer_door(self, gateway, echo, issuer):
        await gateway.client.get(CLOSED, headers=issuer.bearer(scope="campaigns:call"))
        stolen = echo.seen.pop().one("Authorization")
        assert await ask(gateway, Authorization=stolen) == (401, "invalid_token")
        assert not echo.seen

    @pytest.mark.parametrize(
        "query", ["access_token=x", "a=b&ACCESS_TOKEN=x", "access%5Ftoken=x", "id_token=x"]
    )
    async def test_a_token_in_the_query_is_400(self, gateway, echo, query):
        assert await ask(gateway, f"{OPEN}?{query}") == (400, "token_in_query")
        assert not echo.seen

    async def test_an_expired_token_is_not_remembered(self, gateway, echo, issuer):
        headers = issuer.bearer(scope="campaigns:call", exp=int(time.time()) + 1)
        statuses = set()
        until = time.monotonic() + 3
        while 401 not in statuses and time.monotonic() < until:
            statuses.add((await gateway.client.get(CLOSED, headers=headers)).status_code)
        assert 401 in statuses


class TestScopes:
    async def test_any_one_of_the_routes_scopes_is_enough(self, gateway, issuer):
        for scope in ("referrals:read", "referrals:write other"):
            answer = await gateway.client.get(
                "/referrals/v1/inbox", headers=issuer.bearer(scope=scope)
            )
            assert answer.status_code == 200

    @pytest.mark.parametrize("scope", ["", "campaigns:calls", "CAMPAIGNS:CALL", "campaigns"])
    async def test_a_scope_matches_exactly_or_not_at_all(self, gateway, echo, issuer, scope):
        answer = await gateway.client.get(CLOSED, headers=issuer.bearer(scope=scope))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert 'scope="campaigns:call"' in answer.headers["WWW-Authenticate"]
        assert not echo.seen

    async def test_an_open_route_needs_no_scope_of_a_token(self, gateway, issuer):
        answer = await gateway.client.get(OPEN, headers=issuer.bearer(scope=""))
        assert answer.status_code == 200

    async def test_an_issuers_ceiling_takes_scopes_away(
        self, start_gateway, settings, issuer, echo
    ):
        bounded = settings.issuers[0].model_copy(
            update={"scopes": frozenset({"referrals:subject"})}
        )
        async with start_gateway(settings.model_copy(update={"issuers": (bounded,)})) as gateway:
            headers = issuer.bearer(scope="campaigns:call referrals:subject")
            assert await ask(gateway, **headers) == (403, "insufficient_scope")
            answer = await gateway.client.get("/referrals/v1/subjects/me", headers=headers)
            assert answer.status_code == 200


class TestMachines:
    MACHINE = {"sub": "partner-app", "client_id": "partner-app"}  # noqa: RUF012 (never changed)

    async def test_a_machine_may_read_the_directory(self, gateway, issuer):
        headers = issuer.bearer(**self.MACHINE)
        for path in (OPEN, "/directory/v1/services"):
            assert (await gateway.client.get(path, headers=headers)).status_code == 200

    async def test_a_machine_with_every_scope_reaches_no_route_about_persons(
        self, gateway, echo, issuer
    ):
        headers = issuer.bearer(**self.MACHINE, scope="referrals:read campaigns:call")
        for path in ("/referrals/v1/inbox", "/referrals/v1/pointers", CLOSED):
            assert await ask(gateway, path, **headers) == (403, "machines_refused")
        assert not echo.seen

    async def test_a_back_offices_machine_may_push_its_list(self, gateway, echo, issuer):
        answer = await gateway.client.post(
            "/campaigns/v1/campaigns/1/imports",
            content=b"a;b\n",
            headers=issuer.bearer(sub="office", client_id="office", scope="campaigns:lists"),
        )
        assert answer.status_code == 200


class TestRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/nothing",
            "/directory",
            "/directory/v2/services",
            "/directory/v1/needs/",
            "/Directory/v1/needs",
            "/directory/v1/needs.",
            "/referrals/v1/referral-events",
            "/campaigns/v1/referral-events",
            "/directory/v1/health/ready",
            "/docsx",
            "/health/readyx",
        ],
    )
    async def test_what_the_policy_does_not_name_does_not_exist(self, gateway, echo, issuer, path):
        assert await ask(gateway, path, **issuer.bearer()) == (404, "unknown_route")
        assert not echo.seen

    async def test_a_known_path_tells_its_methods(self, gateway, echo):
        answer = await gateway.client.delete(OPEN)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "GET, HEAD"
        assert not echo.seen

    async def test_an_unknown_method_is_405(self, gateway):
        assert (await gateway.client.request("PURGE", OPEN)).status_code == 405


class TestBrowsers:
    async def test_any_page_may_read_open_answers(self, gateway):
        answer = await gateway.client.get(OPEN, headers={"Origin": "https://page.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "etag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers

    async def test_a_preflight_of_an_open_search_is_answered_here(self, gateway, echo):
        answer = await gateway.client.options(
            "/directory/v1/services/search",
            headers={"Origin": "https://page.example", "Access-Control-Request-Method": "POST"},
        )
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
        for name in ("content-type", "idempotency-key"):
            assert name in answer.headers["Access-Control-Allow-Headers"]
        assert "authorization" not in answer.headers["Access-Control-Allow-Headers"]
        assert not echo.seen

    async def test_no_page_may_read_anything_else(self, gateway, issuer):
        preflight = await gateway.client.options(CLOSED)
        answer = await gateway.client.get(CLOSED, headers=issuer.bearer(scope="campaigns:call"))
        for headers in (preflight.headers, answer.headers):
            assert "Access-Control-Allow-Origin" not in headers

    async def test_a_page_may_read_why_an_open_route_refused(self, gateway):
        answer = await gateway.client.get(OPEN, headers={"Authorization": "Bearer a.b.c"})
        assert answer.status_code == 401
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
