"""Derived keys, seals and deterministic seals."""

import hmac

import pytest
from forged_tokens import steady
from hypothesis import given
from hypothesis import strategies as st

from maillage_common.secrets import Deterministic, Unsealable, derive, seal, unseal

SECRET = "a secret of thirty-two characters"
KEY = derive(SECRET, "test")
SIV_KEY = derive(SECRET, "handles", length=64)


class TestDerive:
    def test_is_hkdf_sha256(self) -> None:
        # Computed with `hmac` alone: PRK = HMAC(zeros, secret); T(1) = HMAC(PRK, info || 0x01).
        prk = hmac.digest(bytes(32), SECRET.encode(), "sha256")
        first = hmac.digest(prk, b"maillage/cursor\x01", "sha256")
        second = hmac.digest(prk, first + b"maillage/cursor\x02", "sha256")
        assert derive(SECRET, "cursor") == first
        assert derive(SECRET.encode(), "cursor", length=64) == first + second

    def test_purposes_and_secrets_give_unrelated_keys(self) -> None:
        other = SECRET.replace("a", "b")
        keys = {derive(s, p) for s in (SECRET, other) for p in ("a", "b", "a/b", "ab")}
        assert len(keys) == 8

    @pytest.mark.parametrize("secret", ["", "x" * 31, b"x" * 31])
    def test_refuses_a_short_secret(self, secret: str | bytes) -> None:
        with pytest.raises(ValueError, match="at least 32"):
            derive(secret, "cursor")

    def test_refuses_to_derive_without_a_purpose(self) -> None:
        with pytest.raises(ValueError, match="purpose"):
            derive(SECRET, "")


class TestSeal:
    @steady
    @given(st.binary(max_size=100), st.binary(max_size=20))
    def test_opens_with_key_and_context(self, plaintext: bytes, context: bytes) -> None:
        assert unseal(KEY, seal(KEY, plaintext, context=context), context=context) == plaintext

    def test_equal_values_look_different(self) -> None:
        assert len({seal(KEY, b"same") for _ in range(50)}) == 50

    def test_does_not_open_elsewhere(self) -> None:
        sealed = seal(KEY, b"name", context=b"row 1")
        for key, context in ((KEY, b"row 2"), (KEY, b""), (derive(SECRET, "other"), b"row 1")):
            with pytest.raises(Unsealable):
                unseal(key, sealed, context=context)

    def test_does_not_open_when_altered_anywhere(self) -> None:
        sealed = seal(KEY, b"name")
        for place in range(len(sealed)):
            altered = bytearray(sealed)
            altered[place] ^= 1
            with pytest.raises(Unsealable):
                unseal(KEY, bytes(altered))

    @pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(27), b"\x02" + bytes(40)])
    def test_does_not_open_what_was_never_sealed(self, sealed: bytes) -> None:
        with pytest.raises(Unsealable):
            unseal(KEY, sealed)

    @pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
    def test_takes_256_bit_keys_only(self, length: int) -> None:
        with pytest.raises(ValueError, match="32 octets"):
            seal(bytes(length), b"name")
        with pytest.raises(ValueError, match="32 octets"):
            unseal(bytes(length), bytes(40))


class TestDeterministic:
    def test_matches_rfc_5297(self) -> None:
        # RFC 5297, appendix A.1.
        key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        header = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
        plaintext = bytes.fromhex("112233445566778899aabbccddee")
        expected = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
        assert Deterministic(key).seal(plaintext, context=header).hex() == expected

    @steady
    @given(st.binary(min_size=1, max_size=60), st.binary(max_size=20))
    def test_opens_and_repeats(self, plaintext: bytes, context: bytes) -> None:
        handles = Deterministic(SIV_KEY)
        sealed = handles.seal(plaintext, context=context)
        assert sealed == Deterministic(SIV_KEY).seal(plaintext, context=context)
        assert handles.unseal(sealed, context=context) == plaintext

    def test_another_context_or_key_gives_another_text_and_does_not_open(self) -> None:
        ours = Deterministic(SIV_KEY)
        sealed = ours.seal(b"subject", context=b"org 1")
        other = Deterministic(derive(SECRET, "other", length=64))
        assert ours.seal(b"subject", context=b"org 2") != sealed
        assert other.seal(b"subject", context=b"org 1") != sealed
        for cipher, context in ((ours, b"org 2"), (other, b"org 1"), (ours, b"")):
            with pytest.raises(Unsealable):
                cipher.unseal(sealed, context=context)

    def test_does_not_open_when_altered_anywhere(self) -> None:
        sealed = Deterministic(SIV_KEY).seal(b"subject")
        for place in range(len(sealed)):
            altered = bytearray(sealed)
            altered[place] ^= 0x80
            with pytest.raises(Unsealable):
                Deterministic(SIV_KEY).unseal(bytes(altered))

    @pytest.mark.parametrize("sealed", [b"", bytes(15), bytes(16)])
    def test_does_not_open_what_is_too_short(self, sealed: bytes) -> None:
        with pytest.raises(Unsealable):
            Deterministic(SIV_KEY).unseal(sealed)

    def test_refuses_empty_values_and_odd_keys(self) -> None:
        with pytest.raises(ValueError, match="one octet"):
            Deterministic(SIV_KEY).seal(b"")
        for length in (0, 16, 31, 65):
            with pytest.raises(ValueError, match="AES-SIV key"):
                Deterministic(bytes(length))
