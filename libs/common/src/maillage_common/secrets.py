"""Keys derived from one secret, sealed values and deterministic ones.

>>> key = derive(settings.secret, "idempotency answers")
>>> sealed = seal(key, body, context=b"key-4711")
>>> unseal(key, sealed, context=b"key-4711") == body
True
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_LENGTH = 32
_GCM_KEY_LENGTH = 32
_SIV_KEY_LENGTHS = (32, 48, 64)
_NONCE_LENGTH = 12
_TAG_LENGTH = 16
# First octet of what `seal` gives, so that another cipher can follow without guessing.
_FORMAT = b"\x01"


class Unsealable(Exception):
    """Not sealed with this key and context, or altered since. Says no more than that."""


def derive(secret: str | bytes, purpose: str, *, length: int = 32) -> bytes:
    """A subkey of `length` octets for one purpose: HKDF-SHA256 (RFC 5869), the purpose as its info.

    Keys of different purposes tell nothing about each other or about the secret. ValueError when
    the secret is shorter than 32 characters or the purpose is empty.
    """
    material = secret.encode() if isinstance(secret, str) else secret
    if len(material) < MIN_SECRET_LENGTH:
        raise ValueError(f"a secret has at least {MIN_SECRET_LENGTH} characters")
    if not purpose:
        raise ValueError("a derived key has a purpose")
    info = b"maillage/" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(material)


def seal(key: bytes, plaintext: bytes, *, context: bytes = b"") -> bytes:
    """AES-256-GCM under a random 96-bit nonce: format octet, nonce, ciphertext, tag.

    Bind a value to its place (table, row) by `context`, or it can be moved to another.
    One key may seal 2^32 values (NIST SP 800-38D §8.3). ValueError when the key has not 32 octets.
    """
    nonce = os.urandom(_NONCE_LENGTH)
    return _FORMAT + nonce + _gcm(key).encrypt(nonce, plaintext, _FORMAT + context)


def unseal(key: bytes, sealed: bytes, *, context: bytes = b"") -> bytes:
    """What was sealed. Raises Unsealable on another key, other context or altered octets."""
    cipher = _gcm(key)
    if sealed[:1] != _FORMAT or len(sealed) < 1 + _NONCE_LENGTH + _TAG_LENGTH:
        raise Unsealable("the value is not sealed")
    nonce, ciphertext = sealed[1 : 1 + _NONCE_LENGTH], sealed[1 + _NONCE_LENGTH :]
    try:
        return cipher.decrypt(nonce, ciphertext, _FORMAT + context)
    except InvalidTag:
        raise Unsealable("the value does not open") from None


class Deterministic:
    """AES-SIV (RFC 5297): the same value gives the same text, and nobody else can make or read it.

    For pairwise handles, which must be found again by equality. Equal values are visibly equal
    under one key and context; keep what must not be compared apart by key or by context.
    """

    def __init__(self, key: bytes) -> None:
        """`key` has 32, 48 or 64 octets; half of it encrypts, half authenticates (64 = AES-256)."""
        if len(key) not in _SIV_KEY_LENGTHS:
            raise ValueError("an AES-SIV key has 32, 48 or 64 octets")
        self._cipher = AESSIV(key)

    def seal(self, plaintext: bytes, *, context: bytes = b"") -> bytes:
        """16 octets longer than `plaintext`, which must not be empty."""
        if not plaintext:
            raise ValueError("AES-SIV seals at least one octet")
        return self._cipher.encrypt(plaintext, [context])

    def unseal(self, sealed: bytes, *, context: bytes = b"") -> bytes:
        """The plaintext. Raises Unsealable on another key or context or on altered octets."""
        if len(sealed) <= _TAG_LENGTH:
            raise Unsealable("the value is not sealed")
        try:
            return self._cipher.decrypt(sealed, [context])
        except InvalidTag:
            raise Unsealable("the value does not open") from None


def _gcm(key: bytes) -> AESGCM:
    if len(key) != _GCM_KEY_LENGTH:
        raise ValueError("an AES-256-GCM key has 32 octets")
    return AESGCM(key)
