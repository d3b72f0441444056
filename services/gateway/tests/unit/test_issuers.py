"""When keys are fetched, and how long they serve, with a source that the test commands."""

import asyncio
import json

import pytest

from maillage_common.keys import TokenSigner
from maillage_gateway.admission import Admissions
from maillage_gateway.errors import KeysUnavailable
from maillage_gateway.issuers import (
    FetchFailed,
    IssuerKeys,
    KeyRing,
    discovered_jwks_uri,
    outer_policy,
)
from maillage_gateway.settings import IssuerSettings

ISSUER = "https://issuer.example"


class Source:
    """Answers with `document`, or fails when it is None; `gate` holds answers back."""

    def __init__(self, document):
        self.document = document
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, url):
        self.count += 1
        await self.gate.wait()
        if self.document is None:
            raise FetchFailed("unreachable")
        return json.dumps(self.document).encode()


@pytest.fixture
def signer(new_pem):
    return TokenSigner(new_pem(), ISSUER)


@pytest.fixture
def source(signer):
    return Source(signer.jwks())


@pytest.fixture
def config():
    return IssuerSettings(
        issuer=ISSUER, jwks_uri="https://issuer.example/keys", algorithms=frozenset({"ES256"})
    )


@pytest.fixture
def keys(settings, source, config):
    return IssuerKeys(config, settings, source.fetch)


class TestFetching:
    async def test_many_who_ask_share_one_fetch(self, keys, source):
        source.gate.clear()
        asking = [asyncio.create_task(keys.learn()) for _ in range(50)]
        await asyncio.sleep(0)
        source.gate.set()
        assert await asyncio.gather(*asking) == [True] * 50
        assert source.count == 1

    async def test_within_the_cooldown_nobody_fetches_again(self, keys, source):
        await keys.refresh()
        assert [await keys.learn() for _ in range(50)] == [False] * 50
        assert source.count == 1

    async def test_the_cooldown_holds_without_any_key_too(self, keys, source):
        source.document = None
        for _ in range(50):
            assert not await keys.learn()
        assert source.count == 1

    async def test_one_who_stops_waiting_does_not_stop_the_fetch(self, keys, source):
        source.gate.clear()
        first, second = asyncio.create_task(keys.learn()), asyncio.create_task(keys.learn())
        await asyncio.sleep(0)
        first.cancel()
        source.gate.set()
        assert await second
        assert keys.trusted is not None

    @pytest.mark.parametrize("document", [None, {}, {"keys": []}, {"error": "x"}, []])
    async def test_a_bad_answer_keeps_the_last_good_keys(self, keys, source, document):
        await keys.refresh()
        good = keys.trusted
        source.document = document
        await keys.refresh()
        assert keys.trusted is good
        assert not keys.expire()

    async def test_keys_nobody_confirms_are_dropped_in_the_end(self, keys, source, monkeypatch):
        await keys.refresh()
        source.document = None
        await keys.refresh()
        monkeypatch.setattr(keys, "_stale_after", -1.0)
        assert keys.expire()
        assert keys.trusted is None

    async def test_failures_are_retried_sooner_and_then_less_often(self, keys, source):
        source.document = None
        waits = []
        for _ in range(8):
            await keys.refresh()
            waits.append(keys.next_attempt_seconds())
        assert waits == [1, 2, 4, 8, 10, 10, 10, 10]
        source.document = {"keys": []}


class TestRing:
    @pytest.fixture
    def admissions(self, signer):
        return Admissions(signer, capacity=10)

    async def test_a_change_of_keys_empties_what_was_verified(
        self, settings, config, source, new_pem
    ):
        changes = []
        one = settings.model_copy(update={"issuers": (config,), "keys_cooldown_seconds": 0.0})
        ring = KeyRing(one, source.fetch, lambda: changes.append(1))
        await ring.learn(ISSUER)
        await ring.learn(ISSUER)
        assert len(changes) == 1
        source.document = TokenSigner(new_pem(), ISSUER).jwks()
        await ring.learn(ISSUER)
        assert len(changes) == 2

    def test_an_issuer_may_be_configured_once(self, settings, config, source):
        twice = settings.model_copy(update={"issuers": (config, config)})
        with pytest.raises(ValueError, match="same name"):
            KeyRing(twice, source.fetch, lambda: None)

    async def test_the_same_kid_stays_bound_to_its_issuer(
        self, settings, config, source, signer, admissions, issuer
    ):
        other = config.model_copy(update={"issuer": "https://other.example", "prefix": "o"})
        both = settings.model_copy(update={"issuers": (config, other)})
        ring = KeyRing(both, source.fetch, admissions.forget)
        await ring.learn(config.issuer)
        # Signed with the very key that is published, but in the name of an issuer not yet loaded.
        source.document = None
        foreign = TokenSigner.__new__(TokenSigner)
        vars(foreign).update(vars(signer) | {"issuer": other.issuer})
        token = issuer.token(signer=foreign)
        with pytest.raises(KeysUnavailable):
            await admissions.admit(f"Bearer {token}".encode(), ring)


class TestOuterPolicy:
    def test_only_card_sessions_bear_the_cards_name_and_scope(self, settings, config):
        card = config.model_copy(update={"issuer": "http://127.0.0.1:8000/referrals"})
        ours, theirs = outer_policy(card, settings), outer_policy(config, settings)
        assert ours.scope_ceiling == {"referrals:subject"}
        assert "card" not in ours.reserved_names
        assert "referrals:subject" not in theirs.scope_ceiling
        assert "card" in theirs.reserved_names

    def test_nobody_bears_the_name_of_a_service(self, settings, config):
        names = {"directory", "referrals", "campaigns", "gateway", "anonymous"}
        assert names <= outer_policy(config, settings).reserved_names

    def test_a_stated_ceiling_holds(self, settings, config):
        stated = config.model_copy(update={"scopes": frozenset({"ops:read"})})
        assert outer_policy(stated, settings).scope_ceiling == {"ops:read"}


class TestDiscovery:
    def document(self, **members):
        return json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"} | members).encode()

    def test_gives_the_address_of_the_keys(self):
        assert discovered_jwks_uri(self.document(), ISSUER) == f"{ISSUER}/keys"

    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({"issuer": ISSUER + "/"}, "another_issuer"),
            ({"issuer": None}, "another_issuer"),
            ({"jwks_uri": None}, "without_keys"),
            ({"jwks_uri": "http://issuer.example/keys"}, "another_origin"),
            ({"jwks_uri": "https://169.254.169.254/keys"}, "another_origin"),
            ({"jwks_uri": "https://issuer.example@evil.example/"}, "another_origin"),
        ],
    )
    def test_refuses_another_issuer_and_another_origin(self, members, reason):
        with pytest.raises(FetchFailed, match=reason):
            discovered_jwks_uri(self.document(**members), ISSUER)

    @pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b'{"issuer": 1, "issuer": 2}'])
    def test_refuses_what_is_not_one_object(self, document):
        with pytest.raises(FetchFailed):
            discovered_jwks_uri(document, ISSUER)
