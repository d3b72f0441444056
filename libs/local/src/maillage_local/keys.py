"""Signing keys as files, and their public halves as JWKs (RFC 7517, RFC 7638)."""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from maillage_local.postgres import write_private

Jwk = dict[str, str]
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
RSA_BITS = 2048


def private_pem(key: PrivateKey) -> str:
    """PKCS 8, unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def new_ec_pem() -> str:
    """A P-256 key, for ES256."""
    return private_pem(ec.generate_private_key(ec.SECP256R1()))


def new_rsa_pem() -> str:
    """A 2048-bit RSA key, for RS256."""
    return private_pem(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def ensure_ec_key(path: Path) -> Path:
    """The key file at `path`, made (0600) when missing."""
    if not path.exists():
        write_private(path, new_ec_pem())
    return path


def public_jwk(pem: str) -> Jwk:
    """The public JWK of a private key, its `kid` being the RFC 7638 thumbprint."""
    key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        members = {
            "crv": "P-256",
            "kty": "EC",
            "x": _octets(point.x, 32),
            "y": _octets(point.y, 32),
        }
        algorithm = "ES256"
    elif isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        members = {"e": _octets(numbers.e), "kty": "RSA", "n": _octets(numbers.n)}
        algorithm = "RS256"
    else:
        raise TypeError("neither an elliptic-curve nor an RSA key")
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
    kid = _base64url(hashlib.sha256(canonical).digest())
    return members | {"kid": kid, "use": "sig", "alg": algorithm}


def _octets(number: int, length: int | None = None) -> str:
    return _base64url(number.to_bytes(length or (number.bit_length() + 7) // 8, "big"))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
