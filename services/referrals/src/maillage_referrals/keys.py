"""Everything derived from the service's secret: handles, hashes of card secrets, envelopes.

A handle is AES-SIV of the internal pseudonym under one key an organization: the same person has
another handle at each, nothing is stored to resolve one, and nobody can make one up.
"""

import hmac
from functools import lru_cache
from uuid import UUID

from maillage_common.canonical import NotCanonical, decode_base64url, encode_base64url
from maillage_common.secrets import Deterministic, Unsealable, derive, seal, unseal

_SIV_KEY = 64
_PERSON = "person"
_AUDIT = "audit"
_SESSION = "card-session"


class Keys:
    """One per process. Never logged, never compared."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._nobody = derive(secret, "nobody")
        self._card = derive(secret, "card-secret")
        self._code = derive(secret, "one-time-code")
        self._domain = lru_cache(maxsize=4096)(self._make_domain)

    def handle(self, subject_id: UUID, organization: UUID) -> str:
        """43 characters: what `organization` calls the person."""
        return self._seal(f"organization:{organization}", subject_id.bytes)

    def subject_of_handle(self, handle: str, organization: UUID) -> UUID:
        """Whom the handle means at this organization.

        A handle that means nobody here gives a pseudonym that belongs to nobody, so that what
        follows runs the same queries and finds nothing.
        """
        return self._subject(f"organization:{organization}", handle)

    def own_handle(self, subject_id: UUID) -> str:
        """What the person's own card session calls them."""
        return self._seal(_PERSON, subject_id.bytes)

    def subject_of_own_handle(self, handle: str) -> UUID:
        return self._subject(_PERSON, handle)

    def audit_name(self, subject_id: UUID) -> str:
        """The pseudonym under which audit records speak of the person."""
        return self._seal(_AUDIT, subject_id.bytes)

    def session_subject(self, subject_id: UUID, card_id: UUID) -> str:
        """The `sub` of a card session: opaque, bound to the card, so that revoking it ends it."""
        return self._seal(_SESSION, subject_id.bytes + card_id.bytes)

    def read_session_subject(self, sub: str) -> tuple[UUID, UUID] | None:
        """(subject, card), or None when the `sub` was not made here."""
        octets = self._unseal(_SESSION, sub)
        if octets is None or len(octets) != 32:
            return None
        return UUID(bytes=octets[:16]), UUID(bytes=octets[16:])

    def nobody(self, text: str) -> UUID:
        """A pseudonym that belongs to nobody, always the same for the same text."""
        return UUID(bytes=hmac.digest(self._nobody, text.encode(), "sha256")[:16])

    def card_hash(self, secret: bytes) -> bytes:
        return hmac.digest(self._card, secret, "sha256")

    def code_hash(self, subject_id: UUID, code: str) -> bytes:
        return hmac.digest(self._code, subject_id.bytes + code.encode(), "sha256")

    def seal_envelope(self, contents: bytes, *, receiver: UUID, referral: UUID) -> bytes:
        """For the receiving organization alone: the key is its own, the context this referral."""
        return seal(self._envelope_key(receiver), contents, context=referral.bytes)

    def open_envelope(self, sealed: bytes, *, receiver: UUID, referral: UUID) -> bytes:
        return unseal(self._envelope_key(receiver), sealed, context=referral.bytes)

    def _envelope_key(self, receiver: UUID) -> bytes:
        return derive(self._secret, f"envelope:{receiver}")

    def _make_domain(self, name: str) -> Deterministic:
        return Deterministic(derive(self._secret, f"handle:{name}", length=_SIV_KEY))

    def _seal(self, domain: str, octets: bytes) -> str:
        return encode_base64url(self._domain(domain).seal(octets))

    def _unseal(self, domain: str, text: str) -> bytes | None:
        try:
            return self._domain(domain).unseal(decode_base64url(text))
        except (NotCanonical, Unsealable, UnicodeEncodeError):
            return None

    def _subject(self, domain: str, handle: str) -> UUID:
        octets = self._unseal(domain, handle)
        if octets is None or len(octets) != 16:
            return self.nobody(handle)
        return UUID(bytes=octets)
