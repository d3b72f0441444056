"""Attacks with claims, scopes and keys, over bare sockets against a running gateway.

Each test is a row of the table of attacks that gateways have fallen to. Nothing reaches a service,
nobody is called, and the good caller's token still works afterwards.
"""

import asyncio
import json
import time

import pytest
from attacker import ES, INVALID, ISSUER, RS, Target, claims, headed, token
from forged_tokens import (
    Forge,
    b64,
    ec_key,
    number,
    public_jwk,
    roca_modulus,
    rsa_key,
    text,
)

from maillage_gateway.settings import IssuerSettings


class TestClaims:
    async def test_row_11_audiences(self, target):
        other = ["other", "", "maillage ", "Maillage", "maillage-x", "mail", None, 1, {}, [], ...]
        other += [["maillage", 1], ["other"], [["maillage"]], {"maillage": 1}, [None]]
        await target.refuse(*(token(aud=aud) for aud in other))
        assert (await target.bear(token(aud=["other", "maillage"])))[0] == 200
        target.echo.seen.clear()

    async def test_row_12_issuers(self, target):
        other = [
            f"{ISSUER}/",
            ISSUER.upper(),
            "http://login.example",
            f" {ISSUER}",
            "",
            None,
            1,
            ...,
        ]
        await target.refuse(*(token(iss=iss) for iss in [*other, [ISSUER], "maillage-gateway"]))

    async def test_row_13_ends(self, target):
        now = int(time.time())
        odd = [now, now - 1, ..., None, str(now + 60), now + 60.5, -1, 0, 2**63, 1e300, True, []]
        await target.refuse(*(token(exp=exp) for exp in odd))
        literal = text(claims(exp=0))
        for odd_number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400):
            await target.refuse(ES.token(literal.replace(b'"exp": 0', b'"exp": ' + odd_number)))

    async def test_row_14_beginnings_and_absurd_lives(self, target):
        now = int(time.time())
        await target.refuse(
            token(nbf=now + 60),
            token(nbf="x"),
            token(iat=now + 60, exp=now + 120),
            *(token(iat=iat) for iat in (None, ..., "x", -1, 2**63, True)),
            token(iat=now, exp=now + 90_000),
            token(iat=now, exp=now - 5),
        )

    async def test_names_that_are_ours_or_no_names(self, target):
        for name in ("sub", "client_id", "jti"):
            odd = ["", " x", "x\n", "x" * 300, None, 1, ["x"], ...]
            await target.refuse(*(token(**{name: value}) for value in odd))
        await target.refuse(
            *(token(sub=name, client_id=name) for name in ("campaigns", "gateway", "anonymous")),
            token(client_id="card"),
            token(act={"sub": "directory"}),
        )

    async def test_row_24_what_was_taken_back_or_was_never_for_this(self, target):
        # A list of revocations has tests of its own; an opaque refresh token is no JWT at all.
        await target.refuse("tGzv3JOkF0XG5Qx2TlKWIA", headed(typ="rt+jwt"))

    async def test_row_25_scopes_match_exactly(self, target):
        others = [
            "campaigns:cal",
            "campaigns:calls",
            "CAMPAIGNS:CALL",
            "campaigns",
            "call",
            "",
            ...,
        ]
        others += ["campaigns:call.x", "xcampaigns:call", "campaigns:*", "*", "directory:read"]
        await target.refuse(*(token(scope=s) for s in others), as_=(403, "insufficient_scope"))
        malformed = [
            "campaigns:call\t",
            "campaigns:call\n",
            "a\tcampaigns:call",
            "a  campaigns:call",
        ]
        malformed += [
            " campaigns:call",
            ["campaigns:call"],
            None,
            1,
            {"campaigns:call": True},
            "a\u00a0b",
        ]
        await target.refuse(*(token(scope=s) for s in malformed))

    async def test_row_26_tokens_that_are_bound_to_a_key(self, target):
        clear = (401, "sender_constrained_token")
        bound = [{"jkt": "x"}, {"x5t#S256": "x"}, {}, None, "x"]
        await target.refuse(*(token(cnf=cnf) for cnf in bound), as_=clear)
        good = token().encode()
        for proof in ((), (b"DPoP: a.b.c",)):
            for scheme in (b"DPoP", b"dpop"):
                assert await target.send(b"Authorization: " + scheme + b" " + good, *proof) == clear
        # A bearer token stays one, whatever stands beside it.
        assert (await target.send(b"Authorization: Bearer " + good, b"DPoP: a.b.c"))[0] == 200
        target.echo.seen.clear()

    async def test_row_32_an_internal_token_at_the_outer_door(self, target):
        assert (await target.bear(token()))[0] == 200
        stolen = target.echo.seen.pop().one("Authorization").removeprefix("Bearer ")
        await target.refuse(stolen)


class TestKeySets:
    async def reload(self, start_gateway, target, settings, *keys):
        """What a gateway that meets this key set says to the two good tokens."""
        target.source.documents["/jwks.json"] = {"keys": list(keys)}
        async with start_gateway(settings) as gateway:
            other = Target(gateway, target.source, target.echo)
            answers = await other.bear(token()), await other.bear(RS.token(claims()))
        target.echo.seen.clear()
        target.source.documents["/jwks.json"] = {"keys": [RS.jwk(), ES.jwk()]}
        return answers

    @pytest.fixture
    def alone(self, settings, target):
        trusted = IssuerSettings(
            issuer=ISSUER,
            jwks_uri=f"{target.source.url}/jwks.json",
            algorithms=frozenset({"RS256", "ES256"}),
        )
        return settings.model_copy(update={"issuers": (trusted,)})

    async def test_row_8_one_name_for_two_keys_and_mixed_sets(self, target, start_gateway, alone):
        down = (503, "keys_unavailable")
        twice = await self.reload(start_gateway, target, alone, ES.jwk(), {**RS.jwk(), "kid": "ec"})
        assert twice == (down, down)
        secret = {"kty": "oct", "kid": "hmac", "k": b64(b"x" * 32)}
        mixed = await self.reload(start_gateway, target, alone, secret, ES.jwk(), RS.jwk())
        assert [status for status, _ in mixed] == [200, 200]

    async def test_row_8_one_name_at_two_issuers(self, target, start_gateway, alone):
        name = "https://other.example"
        theirs = Forge(ec_key(name="other"), "ES256", "ec")
        target.source.documents["/theirs.json"] = {"keys": [theirs.jwk()]}
        other = IssuerSettings(
            issuer=name,
            jwks_uri=f"{target.source.url}/theirs.json",
            algorithms=frozenset({"ES256"}),
            prefix="other",
        )
        both = alone.model_copy(update={"issuers": (*alone.issuers, other)})
        async with start_gateway(both) as gateway:
            attacked = Target(gateway, target.source, target.echo)
            assert (await attacked.bear(theirs.token(claims(iss=name))))[0] == 200
            assert (await attacked.bear(token()))[0] == 200
            target.echo.seen.clear()
            await attacked.refuse(theirs.token(claims()), token(iss=name))

    async def test_row_9_keys_that_are_not_fit(self, target, start_gateway, alone):
        unfit = [
            RS.jwk(use="enc"),
            RS.jwk(key_ops=["encrypt"]),
            RS.jwk(alg="RS512"),
            RS.jwk(d="AQAB"),
            {**RS.jwk(), "e": "AQ"},
            public_jwk(rsa_key(bits=1024), "rsa"),
            {**RS.jwk(), "kty": "oct", "k": b64(b"short")},
            {**RS.jwk(), "n": number(roca_modulus())},
        ]
        for one in unfit:
            answers = await self.reload(start_gateway, target, alone, ES.jwk(), one)
            assert answers == ((200, None), INVALID), one
        off_curve = {**ES.jwk(), "y": b64(bytes(32))}
        answers = await self.reload(start_gateway, target, alone, off_curve, RS.jwk())
        assert answers == (INVALID, (200, None))

    async def test_row_31_a_hostile_source_changes_nothing_and_makes_nothing_good(
        self, target, start_gateway, alone
    ):
        big = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b" " * 300_000
        thief = Forge(ec_key(name="thief"), "ES256", "thief")
        stolen = json.dumps({"keys": [thief.jwk()]}).encode()
        hostile = [
            b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{",
            big,
            b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/keys\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 500 X\r\nContent-Length: %d\r\n\r\n" % len(stolen) + stolen,
            *(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                for body in (
                    *(b"<html>sign in</html>", b"{}", b'{"error": "x"}', b'{"keys": []}'),
                    *(b'{"keys": null}', b'{"keys": [1]}', b"[]", b"", b"\xff", b"null"),
                    b'{"keys": [], "keys": ' + json.dumps([thief.jwk()]).encode() + b"}",
                )
            ),
        ]
        asked = asyncio.Event()
        answers = iter(hostile)

        async def behave(request, reader, writer):
            asked.set()
            writer.write(next(answers, hostile[0]))
            await writer.drain()
            await asyncio.wait_for(reader.read(), 1)

        eager = alone.model_copy(update={"keys_cooldown_seconds": 0.001, "keys_fetch_seconds": 0.2})
        async with start_gateway(eager) as gateway:
            attacked = Target(gateway, target.source, target.echo)
            assert (await attacked.bear(token()))[0] == 200
            target.source.documents.pop("/jwks.json")
            target.source.behaviours["/jwks.json"] = behave
            for _ in hostile:
                asked.clear()
                while not asked.is_set():
                    assert await attacked.bear(thief.token(claims())) == INVALID
                assert (await attacked.bear(token()))[0] == 200
        target.source.documents["/jwks.json"] = {"keys": [RS.jwk(), ES.jwk()]}

    async def test_row_31_keys_that_nobody_confirms_serve_for_the_stated_time(
        self, target, start_gateway, alone
    ):
        async def fail(request, reader, writer):
            writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")

        short = alone.model_copy(update={"keys_refresh_seconds": 0.05, "keys_stale_seconds": 0.4})
        async with start_gateway(short) as gateway:
            attacked = Target(gateway, target.source, target.echo)
            assert (await attacked.bear(token()))[0] == 200
            keys = target.source.documents.pop("/jwks.json")
            target.source.behaviours["/jwks.json"] = fail
            lost_at, answers = time.monotonic(), []
            async with asyncio.timeout(5):
                while (503, "keys_unavailable") not in answers:
                    answers.append(await attacked.bear(token()))
                    await asyncio.sleep(0.02)
            assert time.monotonic() - lost_at > 0.2
            assert answers.count((200, None)) == len(answers) - 1
            target.source.documents["/jwks.json"] = keys
            async with asyncio.timeout(5):
                while (await attacked.bear(token()))[0] != 200:
                    await asyncio.sleep(0.02)
        target.echo.seen.clear()
