"""Keys that verify and sign tokens, vetted once when they are loaded.

A key set is somebody else's document. Each key in it is checked (RFC 7517, RFC 8725 §3),
re-exported as its public part alone and given to python-jose once; python-jose itself would take
keys meant for encryption, of any size, and try them one after the other.
"""

import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jose import jwk, jws
from jose.backends.base import Key
from pydantic import JsonValue

from maillage_common.canonical import NotCanonical, decode_base64url, encode_base64url, load_object

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
MAX_KEY_SET_BYTES = 128 * 1024
"""Large public issuers publish some 20 KiB, certificates included."""
MAX_KEYS = 64

_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512"})
_RSA_BITS = range(2048, 8192 + 1)
_RSA_EXPONENTS = range(65537, 2**32)
"""FIPS 186-4 B.3.1 asks for more than 2^16; the upper bound keeps verification cheap."""
_CURVES: Mapping[str, tuple[str, ec.EllipticCurve]] = {
    "P-256": ("ES256", ec.SECP256R1()),
    "P-384": ("ES384", ec.SECP384R1()),
    "P-521": ("ES512", ec.SECP521R1()),
}
_SMALL_PRIMES = [p for p in range(3, 168) if all(p % d for d in range(2, math.isqrt(p) + 1))]
_KEY_ID = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")

for _algorithm in ALGORITHMS:
    _key_class = jwk.get_key(_algorithm)
    if _key_class is None or _key_class.__module__ != "jose.backends.cryptography_backend":
        # The pure-Python backends are slow and leak the private key through their timing.
        raise ImportError("python-jose must run on its cryptography backend")


class InvalidKeySet(ValueError):
    """The key set as a whole is unusable. Its text names the rule and never quotes the document."""


class KeyRefusal(StrEnum):
    """Why one key of a set is left out; stable, for logs and metrics."""

    MALFORMED = "malformed"
    NO_KEY_ID = "no_key_id"
    NOT_FOR_SIGNATURES = "not_for_signatures"
    SYMMETRIC = "symmetric"
    PRIVATE = "private"
    UNSUPPORTED = "unsupported"
    ALGORITHM = "algorithm"
    WEAK = "weak"
    NOT_ON_CURVE = "not_on_curve"


class _RefusedKey(Exception):
    def __init__(self, reason: KeyRefusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One vetted public key of one issuer.

    `thumbprint` is RFC 7638's; `_prepared` holds the library's key object for each algorithm the
    key may be used with.
    """

    issuer: str
    kid: str
    kty: str
    thumbprint: str
    _prepared: Mapping[str, Key] = field(repr=False, compare=False)

    @property
    def algorithms(self) -> frozenset[str]:
        return frozenset(self._prepared)

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature holds; False too when the key is not meant for the algorithm."""
        key = self._prepared.get(algorithm)
        return key is not None and key.verify(signing_input, signature)


@dataclass(frozen=True)
class KeySet:
    """The usable keys of one issuer by `kid`, and why the others were left out."""

    issuer: str
    keys: Mapping[str, VerificationKey]
    refused: tuple[KeyRefusal, ...] = ()

    def get(self, kid: str) -> VerificationKey | None:
        return self.keys.get(kid)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a key comes, goes or takes another kid: what caches are bound to."""
        lines = sorted(f"{key.kid}={key.thumbprint}" for key in self.keys.values())
        return hashlib.sha256("\n".join([self.issuer, *lines]).encode()).hexdigest()


def check_algorithms(algorithms: Collection[str]) -> frozenset[str]:
    """The allow-list as a set. ValueError on an empty one, a bare string or an unknown name."""
    if isinstance(algorithms, str) or not algorithms or not ALGORITHMS.issuperset(algorithms):
        raise ValueError(f"algorithms must be some of {', '.join(sorted(ALGORITHMS))}")
    return frozenset(algorithms)


def is_key_id(kid: object) -> bool:
    """Printable ASCII, 1 to 255 characters: safe as a dictionary key and in a log."""
    return isinstance(kid, str) and _KEY_ID.fullmatch(kid) is not None


def load_jwks(
    document: bytes | Mapping[str, object], *, issuer: str, algorithms: Collection[str]
) -> KeySet:
    """The vetted keys of a JWK Set (RFC 7517), bound to `issuer`.

    A key that is unfit is left out with its reason, since honest issuers publish encryption keys
    in the same document. InvalidKeySet, and nothing else, is raised when the document is malformed
    or too big, when two keys share a kid, or when no key is left. Wrong `algorithms` (ours, not the
    document's) are a ValueError.
    """
    allowed = check_algorithms(algorithms)
    entries = _entries(document)
    kids = [entry["kid"] for entry in entries if "kid" in entry]
    if any(kids.count(kid) > 1 for kid in kids):
        raise InvalidKeySet("two keys share a kid")
    keys: dict[str, VerificationKey] = {}
    refused: list[KeyRefusal] = []
    for entry in entries:
        try:
            key = _vet(entry, issuer, allowed)
        except _RefusedKey as refusal:
            refused.append(refusal.reason)
        else:
            keys[key.kid] = key
    if not keys:
        raise InvalidKeySet("no usable key")
    return KeySet(issuer, keys, tuple(refused))


def _entries(document: bytes | Mapping[str, object]) -> list[dict[str, JsonValue]]:
    try:
        # A document already parsed goes through the same strict reading.
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidKeySet("not a JSON document") from None
    if len(text) > MAX_KEY_SET_BYTES:
        raise InvalidKeySet("too many bytes")
    try:
        entries = load_object(text).get("keys")
    except NotCanonical:
        raise InvalidKeySet("not a JSON object with one reading") from None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise InvalidKeySet("'keys' is not a list of a sensible length")
    keys = [entry for entry in entries if isinstance(entry, dict)]
    if len(keys) != len(entries):
        raise InvalidKeySet("'keys' holds something else than objects")
    return keys


def _vet(entry: dict[str, JsonValue], issuer: str, allowed: frozenset[str]) -> VerificationKey:
    kid = entry.get("kid")
    if not isinstance(kid, str) or not is_key_id(kid):
        raise _RefusedKey(KeyRefusal.NO_KEY_ID)
    _vet_purpose(entry)
    kty = entry.get("kty")
    if kty == "RSA":
        public, fitting = _vet_rsa(entry), _RSA_ALGORITHMS
    elif kty == "EC":
        public, algorithm = _vet_ec(entry)
        fitting = frozenset({algorithm})
    else:
        raise _RefusedKey(KeyRefusal.SYMMETRIC if kty == "oct" else KeyRefusal.UNSUPPORTED)
    if "alg" in entry:
        fitting = fitting.intersection([entry["alg"]] if isinstance(entry["alg"], str) else [])
    usable = fitting & allowed
    if not usable:
        raise _RefusedKey(KeyRefusal.ALGORITHM)
    prepared = {name: jwk.construct(dict(public), name) for name in usable}
    return VerificationKey(issuer, kid, str(kty), thumbprint(public), prepared)


def _vet_purpose(entry: Mapping[str, JsonValue]) -> None:
    if "use" in entry and entry["use"] != "sig":
        raise _RefusedKey(KeyRefusal.NOT_FOR_SIGNATURES)
    if "key_ops" in entry:
        operations = entry["key_ops"]
        if not isinstance(operations, list) or "verify" not in operations:
            raise _RefusedKey(KeyRefusal.NOT_FOR_SIGNATURES)
    if "d" in entry:
        # A published private key is anybody's key.
        raise _RefusedKey(KeyRefusal.PRIVATE)


def _octets(entry: Mapping[str, JsonValue], member: str) -> bytes:
    text = entry.get(member)
    if not isinstance(text, str):
        raise _RefusedKey(KeyRefusal.MALFORMED)
    try:
        return decode_base64url(text)
    except NotCanonical:
        raise _RefusedKey(KeyRefusal.MALFORMED) from None


def _vet_rsa(entry: Mapping[str, JsonValue]) -> dict[str, str]:
    modulus, exponent = _octets(entry, "n"), _octets(entry, "e")
    if modulus[:1] in (b"", b"\0") or exponent[:1] in (b"", b"\0"):
        raise _RefusedKey(KeyRefusal.MALFORMED)
    n, e = int.from_bytes(modulus), int.from_bytes(exponent)
    if n.bit_length() not in _RSA_BITS or e not in _RSA_EXPONENTS or e % 2 == 0:
        raise _RefusedKey(KeyRefusal.WEAK)
    if n % 2 == 0 or any(n % prime == 0 for prime in _SMALL_PRIMES) or _is_roca(n):
        raise _RefusedKey(KeyRefusal.WEAK)
    return {"kty": "RSA", "n": encode_base64url(modulus), "e": encode_base64url(exponent)}


def _is_roca(modulus: int) -> bool:
    """Whether the modulus has the form of the factorable keys of CVE-2017-15361.

    Those are powers of 65537 modulo every small prime, which a random modulus is with a chance far
    below one in a million (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017).
    """
    return all(modulus % prime in powers for prime, powers in _ROCA_RESIDUES)


_ROCA_RESIDUES = [(p, {pow(65537, k, p) for k in range(p)}) for p in _SMALL_PRIMES]


def _vet_ec(entry: Mapping[str, JsonValue]) -> tuple[dict[str, str], str]:
    name = entry.get("crv")
    if not isinstance(name, str) or name not in _CURVES:
        raise _RefusedKey(KeyRefusal.UNSUPPORTED)
    algorithm, curve = _CURVES[name]
    x, y = _octets(entry, "x"), _octets(entry, "y")
    size = (curve.key_size + 7) // 8
    if len(x) != size or len(y) != size:
        raise _RefusedKey(KeyRefusal.MALFORMED)
    try:
        ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    except ValueError:
        raise _RefusedKey(KeyRefusal.NOT_ON_CURVE) from None
    public = {"kty": "EC", "crv": name, "x": encode_base64url(x), "y": encode_base64url(y)}
    return public, algorithm


def thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638: base64url SHA-256 over the required members alone, sorted, without white space."""
    members = ("crv", "kty", "x", "y") if public["kty"] == "EC" else ("e", "kty", "n")
    text = json.dumps({name: public[name] for name in members}, separators=(",", ":"))
    return encode_base64url(hashlib.sha256(text.encode("ascii")).digest())


class TokenSigner:
    """Signs tokens of one issuer with ES256.

    >>> signer = TokenSigner(pem, "maillage-gateway")
    >>> token = signer.sign({"sub": "…", …}, typ="at+jwt")
    """

    def __init__(self, pem: bytes, issuer: str) -> None:
        """`pem` is an unencrypted PKCS 8 private key on P-256, else ValueError."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise ValueError("the signing key is not an unencrypted PEM private key") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError("the signing key is not on P-256")
        numbers = key.public_key().public_numbers()
        self.issuer = issuer
        self._public = {
            "kty": "EC",
            "crv": "P-256",
            "x": encode_base64url(numbers.x.to_bytes(32)),
            "y": encode_base64url(numbers.y.to_bytes(32)),
        }
        self.kid = thumbprint(self._public)
        self._key = jwk.construct(pem, "ES256")

    @classmethod
    def from_file(cls, path: Path, *, issuer: str) -> Self:
        return cls(path.read_bytes(), issuer)

    def __repr__(self) -> str:
        return f"TokenSigner(issuer={self.issuer!r}, kid={self.kid!r})"

    def sign(self, claims: Mapping[str, JsonValue], *, typ: str) -> str:
        """A compact JWS of the claims, `iss` added. ValueError on another `iss` or on NaN."""
        if claims.get("iss", self.issuer) != self.issuer:
            raise ValueError("a signer speaks for its own issuer alone")
        text = json.dumps(
            {**claims, "iss": self.issuer}, separators=(",", ":"), allow_nan=False
        ).encode("ascii")
        return jws.sign(text, self._key, headers={"typ": typ, "kid": self.kid}, algorithm="ES256")

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public JWK Set to publish."""
        return {"keys": [{**self._public, "kid": self.kid, "use": "sig", "alg": "ES256"}]}
