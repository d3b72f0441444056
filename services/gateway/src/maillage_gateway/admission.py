"""Who may come in: an access token is verified once, then remembered until it or its key ends.

For each admitted token and service an internal token is minted and used until it has less than
fifteen seconds left.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from maillage_common.errors import Unauthenticated
from maillage_common.tokens import (
    ANONYMOUS,
    INTERNAL_LIFETIME,
    Claims,
    InvalidToken,
    Refusal,
    TokenSigner,
    mint_anonymous_token,
    mint_internal,
    parse,
    verify,
)
from maillage_gateway.errors import KeysUnavailable, SenderConstrained
from maillage_gateway.issuers import KeyRing
from maillage_gateway.revocation import RevocationWatch

RENEWAL_SECONDS = 15.0
_LIFETIME = INTERNAL_LIFETIME.total_seconds()


@dataclass(slots=True)
class Admission:
    """A caller let in. `claims` is None for the anonymous one; `expires_at` in seconds since 1970.

    `internal` holds, by service, the `Authorization` value and the instant to mint the next at.
    """

    claims: Claims | None
    client_id: str
    organization: str | None
    scopes: frozenset[str]
    is_machine: bool
    expires_at: float
    internal: dict[str, tuple[bytes, float]] = field(default_factory=dict)


def _admit(claims: Claims) -> Admission:
    return Admission(
        claims=claims,
        client_id=claims.client_id,
        organization=None if claims.organization is None else str(claims.organization),
        scopes=claims.scopes,
        is_machine=claims.subject == claims.client_id,
        expires_at=claims.expires_at.timestamp(),
    )


class Admissions:
    """The tokens let in, at most `capacity` of them, by the SHA-256 of their text."""

    def __init__(self, signer: TokenSigner, *, capacity: int) -> None:
        self.hits = self.misses = 0
        self.revocations: RevocationWatch | None = None
        self.anonymous = Admission(None, ANONYMOUS, None, frozenset(), False, float("inf"))
        self._signer = signer
        self._capacity = capacity
        self._admitted: dict[bytes, Admission] = {}

    def forget(self) -> None:
        """Verify every token again: it may be revoked, or the key it was verified with gone."""
        self._admitted.clear()

    def __len__(self) -> int:
        return len(self._admitted)

    def known(self, authorization: bytes) -> Admission | None:
        """The token's admission, if it was let in before and has not ended since."""
        digest = sha256(authorization).digest()
        admission = self._admitted.get(digest)
        if admission is not None and admission.expires_at <= time.time():
            del self._admitted[digest]
            admission = None
        if admission is None:
            self.misses += 1
        else:
            self.hits += 1
        return admission

    async def admit(self, authorization: bytes, keys: KeyRing) -> Admission:
        """Raises Unauthenticated, caused by InvalidToken, when the token is not good;
        KeysUnavailable or RevocationsUnavailable when we cannot tell.
        """
        admission = self.admit_at_once(authorization, keys)
        if admission is None:
            await keys.learn(parse(_bearer(authorization)).issuer)
            admission = self._verified(authorization, keys, has_learnt=True)
            assert admission is not None
        return admission

    def admit_at_once(self, authorization: bytes, keys: KeyRing) -> Admission | None:
        """As `admit`; None when the token's issuer would have to be asked for its keys."""
        known = self.known(authorization)
        return known or self._verified(authorization, keys, has_learnt=False)

    def _verified(
        self, authorization: bytes, keys: KeyRing, *, has_learnt: bool
    ) -> Admission | None:
        try:
            claims = _verify(_bearer(authorization), keys, has_learnt=has_learnt)
            if claims is None:
                return None
            if self.revocations is not None:
                self.revocations.check(claims)
            claims = keys.names.tell(claims)
        except InvalidToken as refusal:
            if refusal.reason == Refusal.SENDER_CONSTRAINED:
                raise SenderConstrained() from refusal
            raise Unauthenticated("Ask the issuer for a new token.") from refusal
        admission = _admit(claims)
        digest = sha256(authorization).digest()
        if len(self._admitted) >= self._capacity:
            del self._admitted[next(iter(self._admitted))]
        self._admitted[digest] = admission
        return admission

    def internal_authorization(self, admission: Admission, service: str) -> bytes:
        """The `Authorization` value that tells `service` who is calling."""
        now = time.time()
        kept = admission.internal.get(service)
        if kept is not None and now < kept[1]:
            return kept[0]
        lifetime = min(_LIFETIME, admission.expires_at - now)
        token = self._mint(admission.claims, service, now, lifetime)
        value = b"Bearer " + token.encode("ascii")
        # Near the end of the outer token a share of what is left, so that not every request signs.
        renewal = now + max(lifetime - RENEWAL_SECONDS, min(lifetime, RENEWAL_SECONDS) / 2)
        admission.internal[service] = (value, renewal)
        return value

    def _mint(self, claims: Claims | None, service: str, now: float, lifetime: float) -> str:
        instant = datetime.fromtimestamp(now, UTC)
        if claims is None:
            return mint_anonymous_token(self._signer, audience=service, now=instant)
        return mint_internal(
            self._signer,
            audience=service,
            subject=claims.subject,
            client_id=claims.client_id,
            scopes=claims.scopes,
            organization=claims.organization,
            tenant=claims.tenant,
            function=claims.function,
            acting=claims.acting,
            now=instant,
            lifetime=timedelta(seconds=max(1, int(lifetime))),
        )


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() == b"dpop":
        raise InvalidToken(Refusal.SENDER_CONSTRAINED)
    if scheme.lower() != b"bearer" or not token.isascii():
        raise InvalidToken(Refusal.MALFORMED)
    return token.decode("ascii")


def _verify(token: str, keys: KeyRing, *, has_learnt: bool) -> Claims | None:
    """None when the key may be one that the issuer has not been asked for yet."""
    unverified = parse(token)
    try:
        return verify(unverified, issuers=keys.trusted, now=datetime.now(UTC))
    except InvalidToken as refusal:
        unloaded = refusal.reason == Refusal.ISSUER and keys.is_configured(unverified.issuer)
        if not unloaded and refusal.reason != Refusal.UNKNOWN_KEY:
            raise
        if not has_learnt and keys.may_learn(unverified.issuer):
            return None
        if unloaded:
            raise KeysUnavailable() from None
        raise
