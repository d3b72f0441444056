"""Bounds on bodies and on how often somebody may call."""

import asyncio

SEARCH = "/directory/v1/services/search"
NOTES = "/referrals/v1/card-sessions"
NEEDS = "/directory/v1/needs"
IMPORTS = "/campaigns/v1/campaigns/1/imports"


async def parts(count, part=b"x" * 4096):
    for _ in range(count):
        yield part


async def until_refused(gateway, path, **headers):
    """How many requests passed before one was answered 429; buckets refill meanwhile."""
    for count in range(200):
        answer = await gateway.client.get(path, headers=headers)
        if answer.status_code == 429:
            return count
    raise AssertionError("never refused")


class TestBodies:
    async def test_a_length_over_the_limit_is_413_before_the_service_is_asked(self, gateway, echo):
        answer = await gateway.client.post(NOTES, content=b"x" * 4097)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert not echo.seen

    async def test_a_body_of_exactly_the_limit_passes(self, gateway, echo):
        assert (await gateway.client.post(NOTES, content=b"x" * 4096)).status_code == 200

    async def test_a_chunked_body_is_cut_where_it_passes_the_limit(self, gateway, echo):
        async def answer(request, reader, writer):
            await reader.read()

        echo.behaviours[SEARCH] = answer
        answer_ = await gateway.client.post(SEARCH, content=parts(40))
        assert (answer_.status_code, answer_.json()["code"]) == (413, "body_too_large")
        assert answer_.headers["Connection"] == "close"
        await asyncio.wait_for(echo.closed.wait(), 2)

    async def test_a_huge_length_is_refused_without_reading_it(self, gateway, echo):
        head = f"POST {SEARCH} HTTP/1.1\r\nHost: g\r\nContent-Length: 999999999999\r\n\r\n"
        raw = await gateway.talk(head.encode())
        assert raw.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in raw

    async def test_a_body_that_does_not_come_is_408(self, gateway, echo, monkeypatch):
        monkeypatch.setattr("maillage_gateway.body.SILENCE_SECONDS", 0.1)
        head = f"POST {SEARCH} HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\nhalf"
        raw = await gateway.talk(head.encode())
        assert raw.startswith(b"HTTP/1.1 408")
        assert b'"body_too_slow"' in raw

    async def test_a_file_larger_than_memory_bounds_streams_through(self, gateway, echo, issuer):
        async def answer(request, reader, writer):
            received = 0
            while received < 20_000_000:
                received += len(await reader.read(1_000_000))
            writer.write(b"HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

        echo.behaviours[IMPORTS] = answer
        answer_ = await gateway.client.post(
            IMPORTS,
            content=b"x" * 20_000_000,
            headers=issuer.bearer(scope="campaigns:lists"),
        )
        assert answer_.status_code == 202


class TestMeters:
    async def test_every_metered_answer_tells_what_is_left(self, gateway):
        answer = await gateway.client.post(NOTES, json={})
        assert answer.headers["RateLimit-Policy"] == '"guarded";q=30;w=150'
        assert answer.headers["RateLimit"] == '"guarded";r=29;t=5'

    async def test_a_refused_token_is_told_how_many_more_are_looked_at(self, gateway):
        answer = await gateway.client.get(NEEDS, headers={"Authorization": "Bearer a.b.c"})
        assert answer.status_code == 401
        assert answer.headers["RateLimit-Policy"] == '"refused";q=60;w=12'
        assert answer.headers["RateLimit"] == '"refused";r=59;t=1'

    async def test_what_is_refused_uncounted_tells_no_quota(self, gateway):
        for method, path, status in (
            ("GET", "/nowhere", 404),
            ("DELETE", NEEDS, 405),
            ("GET", f"{NEEDS}//", 400),
            ("GET", "/referrals/v1/inbox", 401),
        ):
            answer = await gateway.client.request(method, path)
            assert answer.status_code == status
            assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)

    async def test_a_stranger_beyond_the_burst_is_429_and_told_when(self, gateway, echo):
        for _ in range(30):
            assert (await gateway.client.post(NOTES, json={})).status_code == 200
        answer = await gateway.client.post(NOTES, json={})
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
        assert answer.headers["RateLimit"].startswith('"guarded";r=0')
        assert len(echo.seen) == 30

    async def test_meters_do_not_touch_each_other(self, gateway, issuer):
        for _ in range(31):
            refused = await gateway.client.post(NOTES, json={})
        assert refused.status_code == 429
        assert (await gateway.client.get(NEEDS)).status_code == 200
        assert (await gateway.client.post(NOTES, headers=issuer.bearer())).status_code == 200

    async def test_clients_are_counted_apart_whoever_their_person_is(self, gateway, issuer):
        one = {"client_id": "one", "scope": "campaigns:lists"}
        statuses = [
            (await gateway.client.post(IMPORTS, headers=issuer.bearer(**one))).status_code
            for _ in range(30)
        ]
        assert statuses[:20] == [200] * 20
        assert 429 in statuses
        two = issuer.bearer(**(one | {"client_id": "two"}))
        assert (await gateway.client.post(IMPORTS, headers=two)).status_code == 200

    async def test_a_stranger_cannot_choose_the_address_that_is_counted(self, gateway):
        for number in range(31):
            spoofed = {"X-Forwarded-For": f"10.0.0.{number}"}
            answer = await gateway.client.post(NOTES, json={}, headers=spoofed)
        assert answer.status_code == 429

    async def test_a_trusted_proxy_tells_the_address(self, start_gateway, settings):
        trusted = type(settings).model_validate(
            settings.model_dump() | {"trusted_proxies": ["127.0.0.0/8", "10.1.0.0/16"]}
        )
        async with start_gateway(trusted) as gateway:
            for number in range(31):
                # The last untrusted hop counts; what stands before it is the caller's own claim.
                hops = {"X-Forwarded-For": f"1.2.3.{number}, 10.0.0.{number}, 10.1.0.1"}
                passed = await gateway.client.post(NOTES, json={}, headers=hops)
                same = {"X-Forwarded-For": f"1.2.3.{number}, 10.0.0.99"}
                refused = await gateway.client.post(NOTES, json={}, headers=same)
        assert (passed.status_code, refused.status_code) == (200, 429)

    async def test_guessing_tokens_is_metered_by_address(self, gateway):
        count = await until_refused(gateway, "/referrals/v1/inbox", Authorization="Bearer a.b.c")
        assert count >= 60
