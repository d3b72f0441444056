"""Internal tokens: how the gateway and the services vouch for a caller to each other.

The gateway exchanges a caller's access token for an internal one that lives a minute and is good
for one service. A service that calls another sends a token of its own and, in
`Maillage-Subject-Token`, the internal token its own caller came with (the semantics of RFC 8693).
The callee checks both: the subject token must come from the gateway and must have been made for the
calling service. So acting for somebody cannot be made up; the one it was handed to passes it on.

Chains end there. When A calls B for a person and B calls C, the person's token is A's and C refuses
it from B; B calls C in its own name, with its own narrow scope.

What others need of `keys` and `claims` is named here too.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from pydantic import JsonValue

from maillage_common import clock
from maillage_common.canonical import NotCanonical, load_object
from maillage_common.claims import (
    ACCESS_TOKEN_TYPES,
    MAX_TOKEN_LENGTH,
    Claims,
    InvalidToken,
    Refusal,
    TokenPolicy,
    TrustedIssuer,
    Unverified,
    parse,
    read_claims,
    verify,
)
from maillage_common.keys import (
    ALGORITHMS,
    InvalidKeySet,
    KeyRefusal,
    KeySet,
    TokenSigner,
    VerificationKey,
    load_jwks,
)

__all__ = [
    "ACCESS_TOKEN_TYPES",
    "ALGORITHMS",
    "ANONYMOUS",
    "GATEWAY_ISSUER",
    "INTERNAL_LIFETIME",
    "INTERNAL_TOKEN_TYPE",
    "MAX_TOKEN_LENGTH",
    "Claims",
    "InternalTokenVerifier",
    "InvalidKeySet",
    "InvalidToken",
    "InvalidTrustedIssuers",
    "KeyRefusal",
    "KeySet",
    "Refusal",
    "TokenPolicy",
    "TokenSigner",
    "TrustedIssuer",
    "Unverified",
    "VerificationKey",
    "load_jwks",
    "mint_anonymous_token",
    "mint_internal",
    "mint_service_token",
    "parse",
    "service_issuer",
    "verify",
]

ANONYMOUS = "anonymous"
GATEWAY_ISSUER = "maillage-gateway"
INTERNAL_TOKEN_TYPE = "maillage-internal+jwt"  # noqa: S105 (a media type)
INTERNAL_LIFETIME = timedelta(seconds=60)
INTERNAL_LEEWAY = timedelta(seconds=5)
"""How far the clocks of two of our machines may lie apart."""

_ISSUER_PREFIX = "maillage-"
_SERVICE_CLAIMS = frozenset({"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"})
_GATEWAY_CLAIMS = _SERVICE_CLAIMS | {"org", "tenant", "function", "act"}


class InvalidTrustedIssuers(ValueError):
    """The file of trusted issuers is unusable; the service must not start."""


def service_issuer(service: str) -> str:
    """The issuer name of a service's own tokens: `campaigns` signs as `maillage-campaigns`."""
    return _ISSUER_PREFIX + service


def internal_policy(
    issuer: str,
    audience: str,
    *,
    scope_ceiling: frozenset[str] | None = None,
    reserved_names: frozenset[str] = frozenset(),
) -> TokenPolicy:
    """What `issuer` may say in an internal token for the service `audience`.

    The set of claims is closed. A service speaks in its own name alone: no person's organization,
    function or actor.
    """
    return TokenPolicy(
        issuer=issuer,
        audience=audience,
        algorithms=frozenset({"ES256"}),
        types=frozenset({INTERNAL_TOKEN_TYPE}),
        max_lifetime=INTERNAL_LIFETIME,
        leeway=INTERNAL_LEEWAY,
        scope_ceiling=scope_ceiling,
        reserved_names=reserved_names,
        required_claims=frozenset({"scope"}),
        only_claims=_GATEWAY_CLAIMS if issuer == GATEWAY_ISSUER else _SERVICE_CLAIMS,
        sole_audience=True,
    )


def mint_internal(
    signer: TokenSigner,
    *,
    audience: str,
    subject: str,
    client_id: str,
    scopes: Collection[str] = (),
    organization: str | None = None,
    tenant: str | None = None,
    function: str | None = None,
    acting: tuple[str, ...] = (),
    lifetime: timedelta = INTERNAL_LIFETIME,
    now: datetime | None = None,
) -> str:
    """An internal token for the service `audience`, good for `lifetime` (at most 60 s).

    ValueError when a service would refuse it, so that a mistake shows where it is made.
    """
    if isinstance(scopes, str):
        raise ValueError("scopes are a collection of names")
    now = now or clock.now()
    issued = int(now.timestamp())
    claims: dict[str, JsonValue] = {
        "iss": signer.issuer,
        "aud": audience,
        "sub": subject,
        "client_id": client_id,
        "scope": " ".join(sorted(scopes)),
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": str(uuid4()),
    }
    optional = {"org": organization, "tenant": tenant, "function": function, "act": _act(acting)}
    claims.update({name: value for name, value in optional.items() if value is not None})
    if _check_mintable(claims, now).scopes != frozenset(scopes):
        raise ValueError("a scope holds a space and would be read as two")
    return signer.sign(claims, typ=INTERNAL_TOKEN_TYPE)


def _check_mintable(claims: Mapping[str, JsonValue], now: datetime) -> Claims:
    """The claims as a service will read them, or ValueError."""
    try:
        minted = read_claims(claims, internal_policy(str(claims["iss"]), str(claims["aud"])), now)
        _check_speaker(minted)
    except InvalidToken as refusal:
        raise ValueError(f"services would refuse this token ({refusal})") from refusal
    return minted


def mint_service_token(
    signer: TokenSigner,
    *,
    service: str,
    audience: str,
    scopes: Collection[str],
    now: datetime | None = None,
) -> str:
    """A service's own token for another service. ValueError when `signer` is not that service's."""
    return mint_internal(
        signer, audience=audience, subject=service, client_id=service, scopes=scopes, now=now
    )


def mint_anonymous_token(signer: TokenSigner, *, audience: str, now: datetime | None = None) -> str:
    """The gateway's token for a caller of an open route who showed none."""
    return mint_internal(signer, audience=audience, subject=ANONYMOUS, client_id=ANONYMOUS, now=now)


def _act(acting: tuple[str, ...]) -> JsonValue:
    nested: JsonValue = None
    for actor in reversed(acting):
        nested = {"sub": actor} if nested is None else {"sub": actor, "act": nested}
    return nested


def _check_speaker(claims: Claims) -> None:
    """That the issuer may speak for this subject at all."""
    if claims.issuer != GATEWAY_ISSUER:
        own_name = claims.issuer.removeprefix(_ISSUER_PREFIX)
        if claims.subject != own_name or claims.client_id != own_name:
            raise InvalidToken(Refusal.CLAIM, "sub")
    elif ANONYMOUS in (claims.subject, claims.client_id, *claims.acting):
        nobody = (claims.organization, claims.tenant, claims.function) == (None, None, None)
        alone = claims.subject == claims.client_id and not claims.acting and not claims.scopes
        if not (nobody and alone):
            raise InvalidToken(Refusal.RESERVED_NAME)


class InternalTokenVerifier:
    """Says who is calling one service, from its internal token and an optional subject token.

    >>> verifier = InternalTokenVerifier.from_file(path, audience="referrals")
    >>> claims = verifier.verify(token, subject_token=None, now=clock.now())
    """

    def __init__(self, trusted_issuers: bytes | Mapping[str, object], *, audience: str) -> None:
        """`trusted_issuers` is `{"issuers": [{"issuer", "scopes", "jwks"}]}`; `audience` is the
        service itself. Raises InvalidTrustedIssuers.
        """
        ceilings, keys = _load_trusted_issuers(trusted_issuers)
        services = {
            name: name.removeprefix(_ISSUER_PREFIX) for name in keys if name != GATEWAY_ISSUER
        }
        # What the gateway lets in from outside may not bear the name of a service.
        reserved = frozenset(services.values()) | {audience, "gateway"}

        def trust(issuer: str, recipient: str) -> TrustedIssuer:
            names = reserved if issuer == GATEWAY_ISSUER else frozenset()
            policy = internal_policy(
                issuer, recipient, scope_ceiling=ceilings[issuer], reserved_names=names
            )
            return TrustedIssuer(policy, keys[issuer])

        self._issuers = {name: trust(name, audience) for name in keys}
        self._subject_issuers = {
            name: {GATEWAY_ISSUER: trust(GATEWAY_ISSUER, service)}
            for name, service in services.items()
        }

    @classmethod
    def from_file(cls, path: Path, *, audience: str) -> "InternalTokenVerifier":
        return cls(path.read_bytes(), audience=audience)

    def verify(self, token: str, *, subject_token: str | None = None, now: datetime) -> Claims:
        """The effective caller. Raises InvalidToken and nothing else.

        With a subject token: its subject, with the calling service acting, the scopes both have,
        until the first of both expires. Only a token that the gateway made for this service can be
        passed on to another as a subject token; every other is refused there.
        """
        claims = verify(token, issuers=self._issuers, now=now)
        _check_speaker(claims)
        if subject_token is None:
            return claims
        issuers = self._subject_issuers.get(claims.issuer)
        if issuers is None:
            # The gateway speaks for its callers in its own token.
            raise InvalidToken(Refusal.SUBJECT_TOKEN)
        try:
            subject = verify(subject_token, issuers=issuers, now=now)
            _check_speaker(subject)
        except InvalidToken as refusal:
            raise InvalidToken(Refusal.SUBJECT_TOKEN, refusal.reason) from None
        return replace(
            subject,
            scopes=subject.scopes & claims.scopes,
            acting=(claims.subject, *subject.acting),
            expires_at=min(subject.expires_at, claims.expires_at),
        )


def _load_trusted_issuers(
    document: bytes | Mapping[str, object],
) -> tuple[dict[str, frozenset[str] | None], dict[str, KeySet]]:
    try:
        listing = load_object(document) if isinstance(document, bytes) else document
    except NotCanonical:
        raise InvalidTrustedIssuers("the trusted issuers are not a JSON object") from None
    entries = listing.get("issuers")
    ceilings: dict[str, frozenset[str] | None] = {}
    keys: dict[str, KeySet] = {}
    owners: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else []:
        issuer, ceiling, key_set = _load_trusted_issuer(entry)
        if issuer in keys:
            raise InvalidTrustedIssuers(f"{issuer} is listed twice")
        for key in key_set.keys.values():
            # One key under two names would let the one speak as the other.
            if owners.setdefault(key.thumbprint, issuer) != issuer:
                raise InvalidTrustedIssuers(f"{issuer} shares a key with {owners[key.thumbprint]}")
        ceilings[issuer], keys[issuer] = ceiling, key_set
    if GATEWAY_ISSUER not in keys:
        raise InvalidTrustedIssuers(f"{GATEWAY_ISSUER} is not among the trusted issuers")
    return ceilings, keys


def _load_trusted_issuer(entry: object) -> tuple[str, frozenset[str] | None, KeySet]:
    issuer = entry.get("issuer") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(issuer, str):
        raise InvalidTrustedIssuers("an entry names no issuer")
    if not issuer.startswith(_ISSUER_PREFIX) or issuer == _ISSUER_PREFIX:
        raise InvalidTrustedIssuers(f"{issuer} is not an internal issuer")
    scopes, jwks = entry.get("scopes", ()), entry.get("jwks")
    if not isinstance(jwks, dict):
        raise InvalidTrustedIssuers(f"{issuer} has no jwks")
    if scopes is not None and not (
        isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)
    ):
        raise InvalidTrustedIssuers(f"scopes of {issuer} are neither null nor a list of names")
    try:
        key_set = load_jwks(jwks, issuer=issuer, algorithms={"ES256"})
    except InvalidKeySet as error:
        raise InvalidTrustedIssuers(f"{issuer}: {error}") from None
    if key_set.refused:
        raise InvalidTrustedIssuers(f"{issuer} lists an unfit key ({key_set.refused[0]})")
    return issuer, None if scopes is None else frozenset(scopes), key_set
