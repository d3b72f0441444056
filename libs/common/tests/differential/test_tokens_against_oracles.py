"""Thousands of mutated tokens: what we accept, two other libraries and a strict reading accept too.

joserfc and PyJWT verify the signature with the one key `kid` names; the claims are read here once
more, from the rules' text and without our code. The other direction is asked of untouched tokens
alone: we may be stricter.
"""

import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from forged_tokens import (
    CURVES,
    ISSUER,
    NOW,
    ORGANIZATION,
    P256_ORDER,
    SECOND,
    Forge,
    access_claims,
    b64,
    ec_key,
    rsa_key,
    text,
)
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from outer_door import POLICY

from maillage_common.claims import Claims, InvalidToken, TrustedIssuer, verify
from maillage_common.keys import ALGORITHMS, load_jwks

TOKENS = 4000
FORGES = [
    *(Forge(rsa_key(name), f"RS{bits}", f"rs{bits}") for bits, name in ((256, ""), (384, "384"))),
    *(Forge(ec_key(name), name, name.lower()) for name in CURVES),
]
KEYS = load_jwks(
    {"keys": [forge.jwk(alg=forge.algorithm) for forge in FORGES]},
    issuer=ISSUER,
    algorithms=ALGORITHMS,
)
ISSUERS = {ISSUER: TrustedIssuer(POLICY, KEYS)}
JOSERFC_KEYS: dict[str, RSAKey | ECKey] = {
    forge.kid: RSAKey.import_key(forge.jwk())
    if forge.algorithm.startswith("RS")
    else ECKey.import_key(forge.jwk())
    for forge in FORGES
}
PYJWT_KEYS = {
    forge.kid: pyjwt.PyJWK(forge.jwk(alg=forge.algorithm), forge.algorithm) for forge in FORGES
}

ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, 1e300, 2**31, 2**53, 2**63, 10**22),
    *("", " ", "a", "é", "\0", "a\n", "x" * 256, "none", "null", "maillage", "MAILLAGE", ISSUER),
    *(SECOND - 1, SECOND, SECOND + 1, SECOND + 10, SECOND + 11, SECOND + 3600, str(SECOND + 60)),
    *(SECOND + 60.0, [], {}, [None], ["maillage"], ["a", "maillage"], ["maillage", 1], {"a": 1}),
    *({"sub": "app"}, {"sub": "campaigns"}, {"sub": 1}, {"sub": "a", "act": {"sub": "b"}}),
    *("directory:read", "directory:read  ops:read", "a\tb", "campaigns", "anonymous"),
    *(ORGANIZATION, ORGANIZATION.upper(), "mc", "MC", "at+jwt", "application/at+jwt", "JWT"),
    *("RS256", "RS384", "ES256", "HS256", "PS256", "rs256", "es256", "es384"),
]
HEADER_NAMES = ["alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "b64", "zip", "cty", "x5t", "x"]
CLAIM_NAMES = [*access_claims(), "nbf", "act", "cnf", "azp", "email"]
TEXTS: list[tuple[bytes, bytes]] = [
    (b"{", b'{"sub":"admin",'),
    (b"{", b'{"alg":"none",'),
    (b"{", b'{"exp":9999999999,'),
    (b"{", b'{"\\u0073ub":"admin",'),
    (b"{", b" {\t"),
    (b"}", b"}\n "),
    (b"}", b',"x":NaN}'),
    (b"}", b',"x":1e400}'),
    (b"}", b',"x":' + b"[" * 9 + b"]" * 9 + b"}"),
    (b"}", b',"x":{"y":[1,{"z":null}]}}'),
    (b"}", b',"x":"\\ud83d\\ude00"}'),
    (b"}", b',"x":"\\ud83d"}'),
    (b"}", b',"x":"\xff"}'),
    (b"}", b",}"),
    (b"}", b"}}"),
    (b"{", b"\xef\xbb\xbf{"),
    (b": ", b":"),
    (b", ", b" ,\r\n"),
    (b'"', b"'"),
    (b"e", b"\\u0065"),
]


class Mutator:
    """Makes one token from a good one; `random` decides all, so a seed tells the whole run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kinds: list[Callable[[Forge], str]] = [
            self.plain,
            self.odd_claims,
            self.odd_header,
            self.odd_json,
            self.odd_text,
            self.odd_signature,
            self.other_key,
        ]

    def make(self) -> tuple[str, str]:
        kind = self.random.choice(self.kinds)
        return kind.__name__, kind(self.random.choice(FORGES))

    def claims(self) -> dict[str, Any]:
        harmless: list[dict[str, Any]] = [
            {},
            {"nbf": SECOND - 5},
            {"aud": ["x", "maillage"]},
            {"scope": ...},
            {"act": {"sub": "portal", "act": {"sub": "agent"}}},
            {"email": "a@example.org", "roles": ["a", {"b": [1.5]}]},
            {"org": ..., "tenant": ...},
        ]
        return access_claims(**self.random.choice(harmless))

    def plain(self, forge: Forge) -> str:
        return forge.token(self.claims())

    def odd_members(self, members: dict[str, Any], names: list[str]) -> dict[str, Any]:
        for name in self.random.sample(names, self.random.choice([1, 1, 1, 2])):
            members[name] = self.random.choice([..., *ODD_VALUES])
        return {name: value for name, value in members.items() if value is not ...}

    def odd_claims(self, forge: Forge) -> str:
        return forge.token(self.odd_members(self.claims(), CLAIM_NAMES))

    def odd_header(self, forge: Forge) -> str:
        return forge.token(self.claims(), self.odd_members(forge.header(), HEADER_NAMES))

    def odd_json(self, forge: Forge) -> str:
        parts = [text(forge.header()), text(self.claims())]
        place = self.random.randrange(2)
        old, new = self.random.choice(TEXTS)
        parts[place] = parts[place].replace(old, new, self.random.choice([1, 1, -1]))
        return forge.token(parts[1], parts[0])

    def odd_text(self, forge: Forge) -> str:
        token = forge.token(self.claims())
        at = self.random.randrange(len(token))
        piece = self.random.choice("AQgwz09-_+/=. \n.é%")
        return self.random.choice(
            [
                token[:at] + piece + token[at:],
                token[:at] + token[at + 1 :],
                token[:at] + piece + token[at + 1 :],
                token[:-1] + self.random.choice("ABCDQRSTghijwxyz0123"),
                token + piece,
                piece + token,
                token.replace(".", "..", 1),
                token[:at] + token[at:].swapcase(),
            ]
        )

    def odd_signature(self, forge: Forge) -> str:
        signing_input = f"{b64(text(forge.header()))}.{b64(text(self.claims()))}"
        raw = forge.signature(signing_input.encode())
        half = len(raw) // 2
        r, s = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        twin = raw[:half] + ((P256_ORDER - s) % P256_ORDER).to_bytes(half, "big")
        other = self.random.choice(
            [
                *(twin, encode_dss_signature(r, s), bytes(len(raw)), raw[half:] + raw[:half]),
                *(raw[:-1], raw + b"\0", b"\0" + raw, raw[:half], raw[:half] + bytes(half)),
                bytes(half) + raw[half:],
                P256_ORDER.to_bytes(half, "big") * 2,
                raw[:-1] + bytes([raw[-1] ^ 1]),
            ]
        )
        return f"{signing_input}.{b64(other)}"

    def other_key(self, forge: Forge) -> str:
        other = self.random.choice(FORGES)
        borrowed = self.random.choice(
            [{"kid": other.kid}, {"alg": other.algorithm}, other.header()]
        )
        return forge.token(self.claims(), forge.header(**borrowed))


def parts_of(token: str) -> list[bytes]:
    """The octets of the three segments, each of which must be what an encoder writes."""
    segments = token.split(".")
    assert len(segments) == 3
    decoded = [urlsafe_b64decode(segment + "==="[: -len(segment) % 4]) for segment in segments]
    rewritten = [urlsafe_b64encode(part).decode().rstrip("=") for part in decoded]
    assert rewritten == segments
    return decoded


def members_of(part: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    members = json.loads(part.decode(), object_pairs_hook=unique, parse_constant=refuse)
    assert isinstance(members, dict)
    json.dumps(members, ensure_ascii=False, allow_nan=False).encode()
    return members


def is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def assert_strict_reading(token: str, ours: Claims) -> None:
    """Every rule once more, in other words; raises when one is broken."""
    header, claims = (members_of(part) for part in parts_of(token)[:2])
    assert not {"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "cty", "enc"} & header.keys()
    assert header["typ"] in ("at+jwt", "application/at+jwt")
    assert PYJWT_KEYS[header["kid"]].algorithm_name == header["alg"]
    assert claims["iss"] == ISSUER
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    assert all(isinstance(one, str) for one in audience)
    assert "maillage" in audience
    assert is_whole_number(claims["exp"])
    assert is_whole_number(claims["iat"])
    assert claims["exp"] > SECOND
    assert claims["iat"] <= SECOND + 10
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    assert "nbf" not in claims or (is_whole_number(claims["nbf"]) and claims["nbf"] <= SECOND + 10)
    for name in ("sub", "client_id", "jti"):
        assert isinstance(claims[name], str)
        assert claims[name].isascii()
        assert claims[name].isprintable()
        assert claims[name].strip() == claims[name] != ""
    assert "cnf" not in claims
    scope = claims.get("scope", "")
    assert " ".join(scope.split()) == scope
    assert ours.scopes == set(scope.split())
    assert (ours.subject, ours.client_id, ours.jti) == (
        *(claims["sub"], claims["client_id"]),
        claims["jti"],
    )
    assert (ours.organization, ours.tenant) == (claims.get("org"), claims.get("tenant"))
    assert ours.function == claims.get("function")
    assert (ours.expires_at.timestamp(), ours.issued_at.timestamp()) == (
        claims["exp"],
        claims["iat"],
    )
    chain, act = [], claims.get("act")
    while act is not None:
        chain.append(act["sub"])
        act = act.get("act")
    assert ours.acting == tuple(chain)
    assert not {"campaigns", "anonymous"} & {claims["sub"], claims["client_id"], *chain}


def assert_oracles_verify(token: str) -> None:
    header = members_of(parts_of(token)[0])
    algorithm, kid = header["alg"], header["kid"]
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    verified = jws.deserialize_compact(token, JOSERFC_KEYS[kid], registry=registry)
    decoded = pyjwt.PyJWS().decode_complete(token, PYJWT_KEYS[kid], algorithms=[algorithm])
    assert verified.payload == decoded["payload"] == parts_of(token)[1]
    assert verified.headers() == decoded["header"] == header


@pytest.mark.parametrize("seed", [1, 2])
def test_what_we_accept_a_strict_reading_accepts(seed: int) -> None:
    mutator = Mutator(seed)
    accepted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for _ in range(TOKENS // 2):
        kind, token = mutator.make()
        try:
            claims = verify(token, issuers=ISSUERS, now=NOW)
        except InvalidToken:
            refused[kind] += 1
        else:
            accepted[kind] += 1
            assert_oracles_verify(token)
            assert_strict_reading(token, claims)
    # The comparison means something only while both answers are frequent.
    kinds = {kind.__name__ for kind in mutator.kinds}
    assert set(accepted) >= kinds - {"odd_text"}
    assert set(refused) == kinds - {"plain"}
    assert min(sum(accepted.values()), sum(refused.values())) > TOKENS // 10
