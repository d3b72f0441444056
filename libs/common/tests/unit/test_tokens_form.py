"""The rules for the form of an access token: algorithm, header, segments, signature."""

import json
import socket
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from forged_tokens import (
    ISSUER,
    NOW,
    P256_ORDER,
    Forge,
    access_claims,
    b64,
    ec_key,
    rsa_key,
    text,
)
from outer_door import ES, POLICY, RS, accept, refuse, refuse_header

from maillage_common.claims import (
    MAX_TOKEN_LENGTH,
    InvalidToken,
    Refusal,
    TrustedIssuer,
    parse,
    verify,
)
from maillage_common.keys import ALGORITHMS, load_jwks


class TestAlgorithm:
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
    def test_none_in_any_case_is_refused(self, alg: str) -> None:
        assert refuse_header(alg=alg) == Refusal.ALGORITHM

    def test_an_empty_signature_is_refused(self) -> None:
        for alg in ("none", "ES256"):
            head = f"{b64(text(ES.header(alg=alg)))}.{b64(text(access_claims()))}"
            assert refuse(f"{head}.") == refuse(head) == Refusal.MALFORMED

    @pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
    def test_hmac_is_refused_whatever_public_text_is_the_secret(self, alg: str) -> None:
        public = rsa_key().public_key()
        modulus = public.public_numbers().n
        secrets = [
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            json.dumps(RS.jwk()).encode(),
            modulus.to_bytes(256, "big"),
            b"",
        ]
        for secret in secrets:
            head = f"{b64(text(RS.header(alg=alg)))}.{b64(text(access_claims()))}"
            mac = hmac.HMAC(secret, hashes.SHA256())
            mac.update(head.encode())
            assert refuse(f"{head}.{b64(mac.finalize())}") == Refusal.ALGORITHM

    @pytest.mark.parametrize(
        "alg",
        [..., None, 1, True, "", "es256", "ES256 ", "ES256K", "PS256", "EdDSA", ["ES256"], {}],
    )
    def test_another_algorithm_is_refused(self, alg: object) -> None:
        assert refuse_header(alg=alg) == Refusal.ALGORITHM

    def test_an_algorithm_outside_the_issuers_list_is_refused(self) -> None:
        token = RS.token(access_claims())
        assert refuse(token, algorithms=frozenset({"ES256"})) == Refusal.ALGORITHM
        assert refuse(token, algorithms=frozenset({"RS384"})) == Refusal.ALGORITHM

    @pytest.mark.parametrize("alg", ["RS256", "ES384", "ES512"])
    def test_an_algorithm_that_does_not_fit_the_key_is_refused(self, alg: str) -> None:
        assert refuse_header(alg=alg) == Refusal.ALGORITHM

    def test_the_algorithm_must_be_the_one_signed_with(self) -> None:
        assert refuse(RS.token(access_claims(), RS.header(alg="RS512"))) == Refusal.SIGNATURE


class TestHeader:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("jwk", ES.jwk()),
            ("x5c", ["MIIB"]),
            ("jku", "https://evil.example/jwks"),
            ("x5u", "https://evil.example/cert"),
            ("crit", []),
            ("crit", ["exp"]),
            ("crit", ["b64"]),
            ("crit", None),
            ("b64", False),
            ("b64", True),
            ("zip", "DEF"),
            ("enc", "A256GCM"),
            ("p2c", 2**31),
            ("p2s", "x"),
            ("epk", ES.jwk()),
            ("cty", "JWT"),
            ("x5t", None),
            ("x5t#S256", ["a"]),
        ],
    )
    def test_brought_along_keys_addresses_and_extensions_are_refused(
        self, name: str, value: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def connect(*arguments: object) -> None:
            raise AssertionError("a token made us call out")

        monkeypatch.setattr(socket, "getaddrinfo", connect)
        monkeypatch.setattr(socket.socket, "connect", connect)
        assert refuse_header(**{name: value}) == Refusal.HEADER

    def test_an_embedded_key_does_not_verify_its_own_token(self) -> None:
        thief = Forge(ec_key(name="thief"), "ES256", "ec")
        assert refuse(thief.token(access_claims())) == Refusal.SIGNATURE
        header = thief.header(jwk=thief.jwk())
        assert refuse(thief.token(access_claims(), header)) == Refusal.HEADER

    @pytest.mark.parametrize(
        "typ",
        [
            "JWT",
            "jwt",
            "at+JWT",
            "AT+JWT",
            "",
            "at+jwt ",
            "dpop+jwt",
            "logout+jwt",
            "id_token",
            "maillage-internal+jwt",
            "application/jwt",
            "application/AT+jwt",
        ],
    )
    def test_a_wrong_typ_is_refused(self, typ: str) -> None:
        assert refuse_header(typ=typ) == Refusal.TYPE

    @pytest.mark.parametrize("typ", [..., None, 1, ["at+jwt"]])
    def test_a_missing_or_non_string_typ_is_refused(self, typ: object) -> None:
        assert refuse_header(typ=typ) == Refusal.TYPE

    def test_both_spellings_of_rfc_9068_are_taken(self) -> None:
        assert accept(ES.token(access_claims(), ES.header(typ="application/at+jwt"))).subject

    @pytest.mark.parametrize(
        "kid",
        [
            ...,
            None,
            1,
            True,
            ["ec"],
            {"a": 1},
            "",
            "ec\x00",
            "ec\n",
            " ec",
            "é",
            "k" * 256,
            "k" * 5000,
        ],
    )
    def test_a_missing_non_string_or_unprintable_kid_is_refused(self, kid: object) -> None:
        assert refuse_header(kid=kid) == Refusal.KEY_ID

    @pytest.mark.parametrize(
        "kid", ["no-such-key", "EC", "../../dev/null", "' OR 1=1 --", "ec,rsa"]
    )
    def test_an_unknown_kid_is_refused_as_such(self, kid: str) -> None:
        with pytest.raises(InvalidToken) as refusal:
            accept(ES.token(access_claims(), ES.header(kid=kid)))
        assert refusal.value.reason == Refusal.UNKNOWN_KEY
        assert kid not in str(refusal.value)

    def test_an_unknown_harmless_member_is_ignored(self) -> None:
        assert accept(ES.token(access_claims(), ES.header(x5t="abc", **{"pi.atm": "1"}))).subject


class TestShape:
    def test_more_than_8_kib_is_refused_before_anything_is_decoded(self) -> None:
        token = ES.token(access_claims(note=""))
        room = MAX_TOKEN_LENGTH - len(token)
        assert accept(ES.token(access_claims(note="x" * (room * 3 // 4 - 2)))).subject
        assert refuse(ES.token(access_claims(note="x" * room))) == Refusal.OVERSIZE
        assert refuse("." * (MAX_TOKEN_LENGTH + 1)) == Refusal.OVERSIZE

    def test_another_count_of_segments_is_refused(self) -> None:
        head, body, signature = ES.token(access_claims()).split(".")
        nested = b64(ES.token(access_claims()).encode())
        for token in (
            *("", ".", "..", "...", head, f"{head}.{body}", f".{body}.{signature}"),
            *(f"{head}..{signature}", f"{head}.{body}.{signature}."),
            *(f"{head}.{body}.{signature}.{signature}", f"{head}.{body}.{body}.{body}.{signature}"),
            f"{head}.{nested}.{signature}",
        ):
            assert refuse(token) == Refusal.MALFORMED

    def test_the_json_serialisation_is_refused(self) -> None:
        head, body, signature = ES.token(access_claims()).split(".")
        flat = {"payload": body, "protected": head, "signature": signature}
        general = {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
        for document in (flat, general):
            assert refuse(json.dumps(document)) == Refusal.MALFORMED

    def test_non_canonical_base64url_is_refused(self) -> None:
        token = ES.token(access_claims())
        head, body, signature = token.split(".")
        padded = urlsafe_b64encode(text(access_claims())).decode()
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        stray = signature[:-1] + last[last.index(signature[-1]) + 1]
        for other in (
            *(
                f"{token}=",
                f"{token}==",
                f" {token}",
                f"{token} ",
                f"{token}\n",
                f"{head}\n.{body}",
            ),
            *(f"{head}.{body}.{stray}", f"{head}=.{body}.{signature}", token.replace(".", ". ", 1)),
            *(f"{head}.{body}.!{signature}", f"{head}.{body}.{signature}%", f"{token}é"),
            *(f"{head}.{padded}=.{signature}", f"{head}.{body[:9]}+/{body[11:]}.{signature}"),
        ):
            assert refuse(other) == Refusal.MALFORMED

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"sub":', b'"sub": "admin", "sub":'),
            (b'"sub":', b'"\\u0073ub": "admin", "sub":'),
            (b'"jti":', b'"x": NaN, "jti":'),
            (b'"jti":', b'"x": -Infinity, "jti":'),
            (b'"jti":', b'"x": 1e999, "jti":'),
            (b'"person-1"', b'"person\xff"'),
            (b'"person-1"', b'"\\udc00"'),
            (b"{", b"\xef\xbb\xbf{"),
            (b'"jti":', b'"x": ' + b"[" * 50 + b"]" * 50 + b', "jti":'),
            (b'"jti":', b'"x": ' + b"[" * 2500 + b"]" * 2500 + b', "jti":'),
            (b'"jti":', b'"x": ' + b"9" * 4000 + b', "jti":'),
            (b"{", b"[{"),
        ],
    )
    def test_json_with_no_reading_or_two_is_refused(self, old: bytes, new: bytes) -> None:
        claims = text(access_claims()).replace(old, new, 1)
        assert refuse(ES.token(claims)) == Refusal.MALFORMED

    def test_duplicate_members_of_the_header_are_refused(self) -> None:
        header = text(ES.header()).replace(b"{", b'{"alg": "none", ', 1)
        assert refuse(ES.token(access_claims(), header)) == Refusal.MALFORMED

    @pytest.mark.parametrize("claims", [b"null", b"[]", b'"x"', b"1", b"", b"{}x"])
    def test_claims_that_are_no_object_are_refused(self, claims: bytes) -> None:
        token = f"{b64(text(ES.header()))}.{b64(claims)}.{b64(bytes(64))}"
        assert refuse(token) == Refusal.MALFORMED

    @pytest.mark.parametrize("token", [None, b"a.b.c", 7, ["a.b.c"], object(), "\ud800.a.b"])
    def test_what_is_no_text_is_refused(self, token: Any) -> None:
        assert refuse(token) in {Refusal.UNEXPECTED, Refusal.MALFORMED}
        with pytest.raises(InvalidToken):
            parse(token)


class TestSignature:
    @pytest.mark.parametrize(
        ("r", "s"),
        [
            (0, 0),
            (0, 1),
            (1, 0),
            (1, 1),
            (P256_ORDER, 1),
            (1, P256_ORDER),
            (P256_ORDER, P256_ORDER),
            (P256_ORDER + 1, P256_ORDER + 1),
            (2**256 - 1, 2**256 - 1),
        ],
    )
    def test_odd_ecdsa_numbers_are_refused(self, r: int, s: int) -> None:
        head, body, _ = ES.token(access_claims()).split(".")
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        assert refuse(f"{head}.{body}.{b64(signature)}") == Refusal.SIGNATURE

    def test_ecdsa_signatures_in_another_form_are_refused(self) -> None:
        head, body, _ = ES.token(access_claims()).split(".")
        raw = ES.signature(f"{head}.{body}".encode())
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        der = encode_dss_signature(r, s)
        padded = bytes(1) + raw[:32] + bytes(1) + raw[32:]
        for other in (der, raw[:-1], raw + bytes(1), padded, raw[32:] + raw[:32], raw[:32]):
            assert refuse(f"{head}.{body}.{b64(other)}") == Refusal.SIGNATURE

    def test_the_second_ecdsa_signature_of_a_token_keeps_its_jti(self) -> None:
        # (r, n - s) verifies too and half of all honest signatures look like it, so it cannot be
        # refused; this is why revocation goes by jti and never by the token's text.
        token = ES.token(access_claims())
        head, body, _ = token.split(".")
        raw = ES.signature(f"{head}.{body}".encode())
        s = P256_ORDER - int.from_bytes(raw[32:], "big")
        twin = f"{head}.{body}.{b64(raw[:32] + s.to_bytes(32, 'big'))}"
        assert twin != token
        assert accept(twin) == accept(token)

    def test_rsa_signatures_in_another_form_are_refused(self) -> None:
        head, body, _ = RS.token(access_claims()).split(".")
        message = f"{head}.{body}".encode()
        raw = RS.signature(message)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        modulus = rsa_key().public_key().public_numbers().n
        beyond = (int.from_bytes(raw, "big") + modulus).to_bytes(257, "big")
        for other in (
            *(rsa_key().sign(message, pss, hashes.SHA256()), raw[:-1], bytes(1) + raw, raw + raw),
            *(bytes(256), (1).to_bytes(256, "big"), modulus.to_bytes(256, "big"), beyond),
            rsa_key().sign(message, padding.PKCS1v15(), hashes.SHA1()),
        ):
            assert refuse(f"{head}.{body}.{b64(other)}") == Refusal.SIGNATURE

    def test_every_changed_byte_is_refused(self) -> None:
        head, body, _ = ES.token(access_claims()).split(".")
        signature = b64(ES.signature(f"{head}.{body}".encode()))
        other_body = b64(text(access_claims(sub="person-2")))
        assert refuse(f"{head}.{other_body}.{signature}") == Refusal.SIGNATURE
        other_head = b64(text(ES.header(x5t="a")))
        assert refuse(f"{other_head}.{body}.{signature}") == Refusal.SIGNATURE

    def test_only_the_key_named_by_kid_is_tried(self) -> None:
        second = Forge(ec_key(name="second"), "ES256", "second")
        keys = load_jwks({"keys": [ES.jwk(), second.jwk()]}, issuer=ISSUER, algorithms=ALGORITHMS)
        issuers = {ISSUER: TrustedIssuer(POLICY, keys)}
        assert verify(second.token(access_claims()), issuers=issuers, now=NOW).subject
        with pytest.raises(InvalidToken, match=Refusal.SIGNATURE):
            verify(second.token(access_claims(), ES.header()), issuers=issuers, now=NOW)
