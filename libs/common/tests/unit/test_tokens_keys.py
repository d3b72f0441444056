"""What a published key set may make us trust, and what signs our own tokens."""

import contextlib
import hashlib
import json
import math
import runpy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from forged_tokens import (
    ISSUER,
    Forge,
    access_claims,
    b64,
    ec_key,
    number,
    pem,
    public_jwk,
    roca_modulus,
    rsa_key,
    steady,
)
from hypothesis import given
from hypothesis import strategies as st
from jose import jwk
from jose.backends.ecdsa_backend import ECDSAECKey
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from maillage_common import keys
from maillage_common.keys import (
    ALGORITHMS,
    MAX_KEY_SET_BYTES,
    MAX_KEYS,
    InvalidKeySet,
    KeyRefusal,
    TokenSigner,
    load_jwks,
    thumbprint,
)

RSA = public_jwk(rsa_key(), "rsa")
EC = public_jwk(ec_key(), "ec")
MODULUS = rsa_key().public_key().public_numbers().n


def load(*entries: object) -> keys.KeySet:
    return load_jwks({"keys": list(entries)}, issuer=ISSUER, algorithms=ALGORITHMS)


def refusal_of(entry: object) -> KeyRefusal:
    """Why `entry` is left out of a set that has a good key besides."""
    good = public_jwk(ec_key(name="good"), "good")
    loaded = load(good, entry)
    assert set(loaded.keys) == {"good"}
    (reason,) = loaded.refused
    with pytest.raises(InvalidKeySet, match="no usable key"):
        load(entry)
    return reason


class TestGoodKeys:
    def test_an_rsa_key_without_alg_serves_the_three_rsa_algorithms(self) -> None:
        assert load(RSA).keys["rsa"].algorithms == {"RS256", "RS384", "RS512"}

    @pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
    def test_a_curve_serves_its_one_algorithm(self, algorithm: str) -> None:
        loaded = load(public_jwk(ec_key(algorithm), "ec", use="sig", key_ops=["verify"]))
        assert loaded.keys["ec"].algorithms == {algorithm}

    def test_the_allow_list_narrows_what_a_key_may_verify(self) -> None:
        loaded = load_jwks({"keys": [RSA, EC]}, issuer=ISSUER, algorithms=["RS384"])
        assert {kid: key.algorithms for kid, key in loaded.keys.items()} == {"rsa": {"RS384"}}
        assert loaded.refused == (KeyRefusal.ALGORITHM,)

    def test_a_key_knows_its_issuer(self) -> None:
        assert load(RSA).keys["rsa"].issuer == load(RSA).issuer == ISSUER

    def test_bytes_and_mappings_read_alike(self) -> None:
        text = json.dumps({"keys": [EC]}).encode()
        assert load_jwks(text, issuer=ISSUER, algorithms=ALGORITHMS).keys == load(EC).keys

    def test_the_fingerprint_changes_with_every_key_and_kid(self) -> None:
        other = public_jwk(ec_key(name="other"), "ec")
        sets = [[EC], [RSA], [EC, RSA], [{**EC, "kid": "ec2"}], [other]]
        assert len({load(*entries).fingerprint for entries in sets}) == len(sets)
        assert load(EC, RSA).fingerprint == load(RSA, EC).fingerprint

    def test_the_thumbprint_is_rfc_7638(self) -> None:
        text = f'{{"e":"{RSA["e"]}","kty":"RSA","n":"{RSA["n"]}"}}'
        expected = b64(hashlib.sha256(text.encode()).digest())
        assert load(RSA).keys["rsa"].thumbprint == expected
        assert thumbprint(EC) == ECKey.import_key(EC).thumbprint()

    def test_prints_no_key_material(self) -> None:
        assert RSA["n"] not in repr(load(RSA))


class TestUnfitKeys:
    @pytest.mark.parametrize("kid", [..., None, 7, "", " a", "a\n", "a\0", "é", "k" * 256, ["a"]])
    def test_a_key_needs_a_printable_kid(self, kid: object) -> None:
        entry = {name: value for name, value in {**EC, "kid": kid}.items() if value is not ...}
        assert refusal_of(entry) == KeyRefusal.NO_KEY_ID

    @pytest.mark.parametrize(
        "purpose",
        [
            {"use": "enc"},
            {"use": None},
            {"use": ["sig"]},
            {"use": "SIG"},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"key_ops": "verify"},
            {"use": "sig", "key_ops": ["encrypt"]},
        ],
    )
    def test_a_key_must_be_meant_for_signatures(self, purpose: dict[str, Any]) -> None:
        assert refusal_of({**RSA, **purpose}) == KeyRefusal.NOT_FOR_SIGNATURES

    def test_a_published_private_key_is_refused(self) -> None:
        assert refusal_of({**EC, "d": number(5, 32)}) == KeyRefusal.PRIVATE

    def test_a_symmetric_key_is_refused(self) -> None:
        entry = {"kty": "oct", "kid": "k", "k": b64(b"x" * 64), "alg": "HS256"}
        assert refusal_of(entry) == KeyRefusal.SYMMETRIC

    @pytest.mark.parametrize(
        "entry",
        [
            {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": b64(b"x" * 32)},
            {**EC, "crv": "secp256k1"},
            {**EC, "crv": ["P-256"]},
            {**EC, "kty": "ec"},
            {**EC, "kty": None},
            {"kid": "k"},
        ],
    )
    def test_another_kind_of_key_is_refused(self, entry: dict[str, Any]) -> None:
        assert refusal_of(entry) == KeyRefusal.UNSUPPORTED

    @pytest.mark.parametrize(
        "entry",
        [
            {**RSA, "alg": "ES256"},
            {**RSA, "alg": "PS256"},
            {**RSA, "alg": "RSA-OAEP"},
            {**RSA, "alg": "none"},
            {**RSA, "alg": None},
            {**EC, "alg": "ES384"},
            {**EC, "alg": "RS256"},
            {**EC, "alg": ["ES256"]},
        ],
    )
    def test_alg_must_fit_the_key(self, entry: dict[str, Any]) -> None:
        assert refusal_of(entry) == KeyRefusal.ALGORITHM

    def test_rsa_under_2048_bits_is_refused(self) -> None:
        assert refusal_of(public_jwk(rsa_key(bits=1024), "k")) == KeyRefusal.WEAK
        primorial = math.prod(range(3, 168, 2))
        one_bit_less = next(
            n for n in range(MODULUS >> 1 | 1, MODULUS, 2) if math.gcd(n, primorial) == 1
        )
        assert one_bit_less.bit_length() == 2047
        assert refusal_of({**RSA, "n": number(one_bit_less)}) == KeyRefusal.WEAK

    def test_rsa_of_absurd_size_is_refused(self) -> None:
        assert refusal_of({**RSA, "n": number(1 << 8192 | 1)}) == KeyRefusal.WEAK

    @pytest.mark.parametrize("exponent", [1, 2, 3, 65536, 65538, 2**32 + 1, 2**2047 + 1])
    def test_a_weak_rsa_exponent_is_refused(self, exponent: int) -> None:
        assert refusal_of({**RSA, "e": number(exponent)}) == KeyRefusal.WEAK

    @pytest.mark.parametrize("factor", [2, 3, 163])
    def test_a_modulus_with_a_small_factor_is_refused(self, factor: int) -> None:
        assert refusal_of({**RSA, "n": number(MODULUS - MODULUS % factor)}) == KeyRefusal.WEAK

    def test_a_roca_modulus_is_refused(self) -> None:
        assert refusal_of({**RSA, "n": number(roca_modulus())}) == KeyRefusal.WEAK

    @pytest.mark.parametrize(
        "change",
        [
            {"n": None},
            {"n": 5},
            {"n": ""},
            {"n": RSA["n"] + "="},
            {"n": b64(b"\0" + MODULUS.to_bytes(256))},
            {"e": "AAEAAQ"},
            {"e": 65537},
            {"e": "+"},
        ],
    )
    def test_a_malformed_rsa_number_is_refused(self, change: dict[str, Any]) -> None:
        assert refusal_of({**RSA, **change}) == KeyRefusal.MALFORMED

    def test_a_missing_rsa_exponent_is_refused(self) -> None:
        # python-jose would take 256.
        entry = {name: value for name, value in RSA.items() if name != "e"}
        assert refusal_of(entry) == KeyRefusal.MALFORMED

    @pytest.mark.parametrize(
        ("x", "y"), [(1, 1), (0, 0), (2**256 - 1, 2**256 - 1), (5, 2**256 - 2**224 + 1)]
    )
    def test_a_point_off_the_curve_is_refused(self, x: int, y: int) -> None:
        entry = {**EC, "x": number(x, 32), "y": number(y, 32)}
        assert refusal_of(entry) == KeyRefusal.NOT_ON_CURVE

    @pytest.mark.parametrize("x", [None, 5, "", b64(b"\1" * 31), b64(b"\0" * 33), EC["x"] + "="])
    def test_a_malformed_coordinate_is_refused(self, x: object) -> None:
        assert refusal_of({**EC, "x": x}) == KeyRefusal.MALFORMED

    def test_a_point_of_another_curve_is_refused(self) -> None:
        assert refusal_of({**EC, "crv": "P-384"}) == KeyRefusal.MALFORMED


class TestHostileDocuments:
    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"{}",
            b"[]",
            b"null",
            b'{"keys":[]}',
            b'{"keys":null}',
            b'{"keys":{}}',
            b'{"keys":"abc"}',
            b'{"keys":[1]}',
            b'{"keys":[null]}',
            b'{"keys":[[]]}',
            b'{"error":"internal"}',
            b"<html></html>",
            b"\xff\xfe",
            b'{"keys":' + b"[" * 60_000,
            b'{"keys":[],"keys":[]}',
            json.dumps({"keys": [{**EC, "kid": str(n)} for n in range(MAX_KEYS + 1)]}).encode(),
            json.dumps({"kid1": "-----BEGIN CERTIFICATE-----"}).encode(),
            json.dumps(EC).encode(),
        ],
    )
    def test_raises_invalid_key_set(self, document: bytes) -> None:
        with pytest.raises(InvalidKeySet):
            load_jwks(document, issuer=ISSUER, algorithms=ALGORITHMS)

    @pytest.mark.parametrize(
        "entries",
        [
            [EC, EC],
            [{**RSA, "kid": "ec"}, EC],
            [EC, {"kty": "oct", "kid": "ec"}],
            [{**EC, "use": "enc"}, EC],
        ],
    )
    def test_a_duplicate_kid_refuses_the_set(self, entries: list[dict[str, Any]]) -> None:
        with pytest.raises(InvalidKeySet, match="share a kid"):
            load(*entries)

    def test_a_document_of_absurd_size_is_refused_unread(self) -> None:
        good = json.dumps({"keys": [EC]}).encode()
        fits = good + b" " * (MAX_KEY_SET_BYTES - len(good))
        assert load_jwks(fits, issuer=ISSUER, algorithms=ALGORITHMS).get("ec")
        with pytest.raises(InvalidKeySet, match="too many bytes"):
            load_jwks(fits + b" ", issuer=ISSUER, algorithms=ALGORITHMS)

    def test_a_mapping_that_is_not_json_raises_invalid_key_set(self) -> None:
        loop: dict[str, Any] = {}
        loop["keys"] = loop
        for document in ({"keys": [{"kid": object()}]}, {"keys": [{"n": float("nan")}]}, loop):
            with pytest.raises(InvalidKeySet):
                load_jwks(document, issuer=ISSUER, algorithms=ALGORITHMS)

    @steady
    @given(
        st.dictionaries(
            st.sampled_from(
                ["kty", "kid", "n", "e", "x", "y", "crv", "alg", "use", "key_ops", "d"]
            ),
            st.recursive(
                st.sampled_from(
                    ["RSA", "EC", "P-256", "AQAB", "sig", "verify", "RS256", RSA["n"], EC["x"]]
                )
                | st.sampled_from(["", "\0", "é", "\ud800", None, True, 0, -1, 2**70, 1e300])
                | st.floats(),
                lambda inner: st.lists(inner, max_size=2),
                max_leaves=4,
            ),
        )
    )
    def test_never_fails_otherwise(self, entry: dict[str, Any]) -> None:
        with contextlib.suppress(InvalidKeySet):
            load(entry)

    @pytest.mark.parametrize("algorithms", ["RS256", [], ["HS256"], ["none"], ["RS256", "rs256"]])
    def test_our_own_allow_list_must_be_sound(self, algorithms: Any) -> None:
        with pytest.raises(ValueError, match="algorithms must be"):
            load_jwks({"keys": [EC]}, issuer=ISSUER, algorithms=algorithms)


def test_refuses_to_load_without_the_cryptography_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwk, "get_key", lambda algorithm: ECDSAECKey)
    with pytest.raises(ImportError, match="cryptography backend"):
        runpy.run_path(keys.__file__)


class TestTokenSigner:
    def test_others_verify_what_it_signs(self) -> None:
        signer = TokenSigner(pem(ec_key()), ISSUER)
        token = signer.sign({"sub": "é"}, typ="at+jwt")
        published: Any = signer.jwks()
        decoded = jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256"])
        assert decoded.claims == {"sub": "é", "iss": ISSUER}
        assert decoded.header == {"alg": "ES256", "typ": "at+jwt", "kid": signer.kid}

    def test_its_key_set_loads_and_is_public(self) -> None:
        signer = TokenSigner(pem(ec_key()), ISSUER)
        key = load_jwks(signer.jwks(), issuer=ISSUER, algorithms=["ES256"]).keys[signer.kid]
        assert key.thumbprint == signer.kid
        assert set(signer.jwks()["keys"][0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}

    def test_reads_its_key_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_bytes(pem(ec_key()))
        signer = TokenSigner.from_file(tmp_path / "key.pem", issuer=ISSUER)
        assert signer.kid == TokenSigner(pem(ec_key()), ISSUER).kid
        assert repr(signer) == f"TokenSigner(issuer={ISSUER!r}, kid={signer.kid!r})"

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"secret",
            pem(rsa_key()),
            pem(ec_key("ES384")),
            ec_key().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
            ),
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ),
        ],
    )
    def test_refuses_other_keys(self, text: bytes) -> None:
        with pytest.raises(ValueError, match="the signing key is not"):
            TokenSigner(text, ISSUER)

    def test_speaks_for_its_issuer_alone(self) -> None:
        with pytest.raises(ValueError, match="own issuer"):
            TokenSigner(pem(ec_key()), ISSUER).sign({"iss": "another"}, typ="at+jwt")

    def test_signs_no_claims_that_are_not_json(self) -> None:
        with pytest.raises(ValueError, match="JSON compliant"):
            TokenSigner(pem(ec_key()), ISSUER).sign({"exp": float("nan")}, typ="at+jwt")


def test_a_key_verifies_under_its_own_algorithms_alone() -> None:
    forge = Forge(rsa_key(), "RS256", "rsa")
    key = load_jwks({"keys": [forge.jwk(alg="RS256")]}, issuer=ISSUER, algorithms=ALGORITHMS).keys[
        "rsa"
    ]
    signing_input, _, _ = forge.token(access_claims()).rpartition(".")
    signature = forge.signature(signing_input.encode())
    assert key.verify("RS256", signing_input.encode(), signature)
    for other in ALGORITHMS - {"RS256"} | {"HS256", "none", ""}:
        assert not key.verify(other, signing_input.encode(), signature)
