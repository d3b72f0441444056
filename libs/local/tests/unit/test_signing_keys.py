from datetime import timedelta
from pathlib import Path

import pytest

from maillage_common import clock
from maillage_local.signing_keys import PUBLISHED_AFTER, TOKEN_LIFETIME, SigningKeys

AHEAD = timedelta(seconds=10)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    made = SigningKeys(tmp_path / "keys.json")
    made.ensure()
    return made


def published_kids(keys: SigningKeys) -> set[str]:
    return {jwk["kid"] for jwk in keys.published()}


def test_new_key_is_published_before_it_signs(keys: SigningKeys) -> None:
    old = keys.signing().kid
    with clock.frozen_time(clock.now()):
        fresh = keys.rotate(AHEAD)
        assert published_kids(keys) == {old, fresh.kid}
        assert keys.signing().kid == old
        with clock.frozen_time(clock.now() + AHEAD):
            assert keys.signing().kid == fresh.kid


def test_old_key_stays_published_until_its_last_token_has_expired(keys: SigningKeys) -> None:
    old = keys.signing().kid
    fresh = keys.rotate(AHEAD)
    last_token_expires = fresh.signs_from + TOKEN_LIFETIME
    with clock.frozen_time(last_token_expires):
        assert old in published_kids(keys)
    with clock.frozen_time(fresh.signs_from + PUBLISHED_AFTER):
        assert published_kids(keys) == {fresh.kid}


def test_second_rotation_does_not_prolong_the_first_key(keys: SigningKeys) -> None:
    first = keys.signing().kid
    second = keys.rotate(AHEAD)
    with clock.frozen_time(second.signs_from + timedelta(minutes=30)):
        keys.rotate(AHEAD)
    with clock.frozen_time(second.signs_from + PUBLISHED_AFTER):
        assert first not in published_kids(keys)
        assert second.kid in published_kids(keys)


def test_rotation_by_another_process_is_seen(keys: SigningKeys) -> None:
    assert len(keys.published()) == 1
    SigningKeys(keys.path).rotate(AHEAD)
    assert len(keys.published()) == 2


def test_keys_are_private_and_2048_bits_long(keys: SigningKeys) -> None:
    assert keys.path.stat().st_mode & 0o077 == 0
    jwk = keys.published()[0]
    assert set(jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert len(jwk["n"]) == 342  # 256 octets in base64url


def test_ensure_keeps_what_is_there(keys: SigningKeys) -> None:
    before = keys.signing().kid
    keys.ensure()
    assert keys.signing().kid == before
