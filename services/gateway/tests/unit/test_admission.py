"""What is remembered of an admitted token, and for how long."""

import time
from hashlib import sha256

import pytest

from maillage_common.errors import Unauthenticated
from maillage_common.tokens import TokenSigner, parse
from maillage_gateway import admission as admission_module
from maillage_gateway.admission import Admissions
from maillage_gateway.issuers import KeyRing


@pytest.fixture
def admissions(new_pem):
    return Admissions(TokenSigner(new_pem(), "maillage-gateway"), capacity=3)


@pytest.fixture
async def keys(settings, issuer, admissions):
    import json

    async def fetch(url):
        return json.dumps(issuer.signer.jwks()).encode()

    ring = KeyRing(settings, fetch, admissions.forget)
    await ring.learn(issuer.name)
    return ring


class Clock:
    """Stands in for the `time` module where the admission reads it."""

    def __init__(self):
        self.now = time.time()

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(admission_module, "time", clock)
    return clock


def bearer(token):
    return f"Bearer {token}".encode()


class TestAdmissions:
    async def test_a_token_is_verified_once(self, admissions, keys, issuer):
        token = bearer(issuer.token())
        assert await admissions.admit(token, keys) is await admissions.admit(token, keys)

    async def test_no_token_is_kept_in_clear(self, admissions, keys, issuer):
        token = issuer.token()
        await admissions.admit(bearer(token), keys)
        assert set(admissions._admitted) == {sha256(bearer(token)).digest()}
        assert token not in repr(vars(admissions))

    async def test_memory_is_bounded(self, admissions, keys, issuer):
        for _ in range(10):
            await admissions.admit(bearer(issuer.token()), keys)
        assert len(admissions) == 3

    async def test_a_refused_token_takes_no_room(self, admissions, keys, issuer):
        with pytest.raises(Unauthenticated):
            await admissions.admit(bearer(issuer.token(aud="another")), keys)
        assert len(admissions) == 0

    async def test_nothing_is_remembered_past_the_tokens_end(self, admissions, keys, issuer, clock):
        token = bearer(issuer.token(exp=int(clock.now) + 100))
        first = await admissions.admit(token, keys)
        clock.now += 99
        assert await admissions.admit(token, keys) is first
        clock.now += 1.5
        # The clock that verifies is the real one, so it is let in again, but looked at anew.
        assert await admissions.admit(token, keys) is not first

    async def test_forgetting_verifies_everything_anew(self, admissions, keys, issuer):
        token = bearer(issuer.token())
        first = await admissions.admit(token, keys)
        admissions.forget()
        assert await admissions.admit(token, keys) is not first


class TestInternalTokens:
    def life(self, value):
        claims = parse(value.removeprefix(b"Bearer ").decode())._claims
        return claims["exp"] - claims["iat"]

    async def test_one_serves_until_fifteen_seconds_are_left(self, admissions, keys, issuer, clock):
        admission = await admissions.admit(bearer(issuer.token()), keys)
        first = admissions.internal_authorization(admission, "directory")
        assert self.life(first) == 60
        clock.now += 44
        assert admissions.internal_authorization(admission, "directory") == first
        clock.now += 2
        assert admissions.internal_authorization(admission, "directory") != first

    async def test_one_never_outlives_the_token_it_stands_for(
        self, admissions, keys, issuer, clock
    ):
        token = bearer(issuer.token(exp=int(clock.now) + 20))
        admission = await admissions.admit(token, keys)
        value = admissions.internal_authorization(admission, "directory")
        assert 1 <= self.life(value) <= 20
        clock.now += 3
        assert admissions.internal_authorization(admission, "directory") == value

    def test_strangers_share_one_for_each_service(self, admissions):
        nobody = admissions.anonymous
        first = admissions.internal_authorization(nobody, "directory")
        assert admissions.internal_authorization(nobody, "directory") == first
        assert admissions.internal_authorization(nobody, "referrals") != first
