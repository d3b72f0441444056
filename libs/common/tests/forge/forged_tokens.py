"""Signs whatever it is given, by `cryptography` alone.

Not with `maillage_common` or python-jose: a fault there must not cancel itself out.
"""

import json
import math
import random
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import settings

steady = settings(derandomize=True, deadline=None, database=None)
"""The same examples on every run: a refusal that depends on luck is found by nobody."""

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
ORGANIZATION = "0192f0c1-2345-7abc-8def-0123456789ab"
ISSUER = "https://login.example"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
CURVES: dict[str, tuple[str, ec.EllipticCurve]] = {
    "ES256": ("P-256", ec.SECP256R1()),
    "ES384": ("P-384", ec.SECP384R1()),
    "ES512": ("P-521", ec.SECP521R1()),
}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def prime(bits: int, luck: random.Random) -> int:
    """A very probable prime with its two top bits set, fit for the exponent 65537."""
    small = math.prod(range(3, 2000, 2))
    while True:
        candidate = luck.getrandbits(bits) | 3 << (bits - 2) | 1
        fits = math.gcd(candidate, small) == 1 and candidate % 65537 != 1
        if fits and pow(2, candidate - 1, candidate) == 1:
            return candidate


@cache
def rsa_key(name: str = "", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for a name on every run, so that a failing example comes back."""
    luck = random.Random(f"rsa {name} {bits}")
    p, q = prime(bits // 2, luck), prime(bits // 2, luck)
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    dp, dq, inverse = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, inverse, public).private_key()


def roca_modulus() -> int:
    """2048 bits in the form of the factorable keys of CVE-2017-15361."""
    primorial = math.prod(p for p in range(2, 168) if all(p % d for d in range(2, p)))
    return (1 << 2047) // primorial * primorial + primorial + pow(65537, 1234, primorial)


@cache
def ec_key(algorithm: str = "ES256", name: str = "") -> ec.EllipticCurvePrivateKey:
    luck = random.Random(f"ec {name} {algorithm}")
    return ec.derive_private_key(luck.getrandbits(250) + 1, CURVES[algorithm][1])


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_jwk(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, kid: str, **more: Any
) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        modulus = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "n": number(modulus.n), "e": number(modulus.e), **more}
    point = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8
    crv = next(crv for crv, curve in CURVES.values() if curve.name == key.curve.name)
    x, y = number(point.x, size), number(point.y, size)
    return {"kty": "EC", "kid": kid, "crv": crv, "x": x, "y": y, **more}


def access_claims(**changes: Any) -> dict[str, Any]:
    """The claims of an ordinary access token; a change to `...` leaves the claim out."""
    claims = {
        "iss": ISSUER,
        "aud": "maillage",
        "sub": "person-1",
        "client_id": "app",
        "scope": "directory:read referrals:read",
        "org": ORGANIZATION,
        "tenant": "mc",
        "function": "health_counsellor",
        "iat": SECOND - 10,
        "exp": SECOND + 600,
        "jti": "token-1",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


@dataclass(frozen=True)
class Forge:
    """Holds one private key and signs texts, well formed or not."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    algorithm: str
    kid: str

    def jwk(self, **more: Any) -> dict[str, Any]:
        return public_jwk(self.key, self.kid, **more)

    def signature(self, signing_input: bytes) -> bytes:
        digest = HASHES[self.algorithm[2:]]
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(signing_input, padding.PKCS1v15(), digest)
        size = (self.key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(
            self.key.sign(signing_input, ec.ECDSA(digest, deterministic_signing=True))
        )
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def header(self, **changes: Any) -> dict[str, Any]:
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "at+jwt", **changes}
        return {name: value for name, value in header.items() if value is not ...}

    def token(
        self, claims: Mapping[str, Any] | bytes, header: Mapping[str, Any] | bytes | None = None
    ) -> str:
        """A compact JWS; texts given as bytes are signed as they are."""
        signing_input = f"{b64(text(header or self.header()))}.{b64(text(claims))}"
        return f"{signing_input}.{b64(self.signature(signing_input.encode()))}"


def text(members: Mapping[str, Any] | bytes) -> bytes:
    return members if isinstance(members, bytes) else json.dumps(members).encode()
