"""Reading a signed token: strictly first, then one key, then typed claims.

python-jose verifies the signature and nothing else is left to it: it takes several texts for one
token, ignores `kid`, `typ` and `crit`, and lets a null `exp` escape as TypeError. Here everything
unexpected is InvalidToken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from pydantic import JsonValue

from maillage_common.canonical import NotCanonical, decode_base64url, load_object
from maillage_common.keys import KeySet, check_algorithms, is_key_id

MAX_TOKEN_LENGTH = 8 * 1024
"""Characters; a longer token is refused before anything of it is decoded."""
ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068 §2.1: anything else (an ID token, a logout token) was not made for an API."""
MAX_ACTORS = 4

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
# Keys and addresses brought along, extensions that change the meaning, encryption, nested tokens.
_REFUSED_HEADERS = frozenset(
    {"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag"}
    | {"p2s", "p2c", "cty"}
)
# Not needed to find the key, but RFC 7515 §4.1.7 says what they are.
_IGNORED_HEADERS = ("x5t", "x5t#S256")
_ACTOR_MEMBERS = frozenset({"sub", "iss", "client_id", "act"})
_LATEST = 253_402_300_799
"""The last second of the year 9999, beyond which Python has no date."""

# Values reach database settings, logs and equality tests: printable ASCII only, no outer spaces.
NAME_FORM = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), one space between two.
_SCOPE = re.compile(r"([\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*)?")


class Refusal(StrEnum):
    """Why a token is refused; stable and without personal data, for logs and metrics."""

    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    HEADER = "header"
    ALGORITHM = "algorithm"
    KEY_ID = "key_id"
    TYPE = "type"
    ISSUER = "issuer"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    CLAIM = "claim"
    UNEXPECTED_CLAIM = "unexpected_claim"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME = "lifetime"
    SCOPE = "scope"
    ACTOR = "actor"
    SENDER_CONSTRAINED = "sender_constrained"
    RESERVED_NAME = "reserved_name"
    SUBJECT_TOKEN = "subject_token"  # noqa: S105 (a reason's name)
    UNEXPECTED = "unexpected"


class InvalidToken(Exception):
    """The token is refused.

    `reason` is stable and without personal data; `claim` names the claim or rule
    at fault, if there is one.
    """

    def __init__(self, reason: str, claim: str | None = None) -> None:
        super().__init__(f"{reason}: {claim}" if claim else str(reason))
        self.reason = str(reason)
        self.claim = claim


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token that is well formed; nothing in it can be believed yet.

    `issuer`, `kid` and `algorithm` serve to find the one key that may verify it.
    """

    issuer: str
    kid: str
    algorithm: str
    typ: str
    _signing_input: bytes = field(repr=False)
    _signature: bytes = field(repr=False)
    _claims: dict[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says.

    `acting` names those who act for the subject, the present one first (RFC 8693 `act`); `scopes`
    is already narrowed to what the issuer may grant. Instants are aware, UTC.
    """

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    organization: str | None
    tenant: str | None
    function: str | None
    acting: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    jti: str


@dataclass(frozen=True, kw_only=True)
class TokenPolicy:
    """What one issuer may say, and to whom.

    max_lifetime: longest time from `iat` to `exp`.
    leeway: how far `iat` and `nbf` may lie ahead of our clock; `exp` has none.
    scope_ceiling: scopes beyond it are dropped; None = no ceiling.
    reserved_names: names no `sub`, `client_id` or actor may bear, such as our own services'.
    only_claims: the members a token may have at all; None = any, unknown ones ignored.
    sole_audience: `aud` must be one string.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    max_lifetime: timedelta
    types: frozenset[str] = ACCESS_TOKEN_TYPES
    leeway: timedelta = timedelta(seconds=10)
    scope_ceiling: frozenset[str] | None = None
    reserved_names: frozenset[str] = frozenset()
    required_claims: frozenset[str] = frozenset()
    only_claims: frozenset[str] | None = None
    sole_audience: bool = False

    def __post_init__(self) -> None:
        check_algorithms(self.algorithms)
        if not self.issuer or not self.audience:
            raise ValueError("a policy names its issuer and its audience")
        if self.max_lifetime <= timedelta(0) or self.leeway < timedelta(0):
            raise ValueError("a policy's durations are positive")


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer's policy and its keys of the moment."""

    policy: TokenPolicy
    keys: KeySet

    def __post_init__(self) -> None:
        if self.policy.issuer != self.keys.issuer:
            raise ValueError("the keys belong to another issuer")


def parse(token: str) -> Unverified:
    """A token read strictly, before any cryptography. Raises InvalidToken and nothing else."""
    try:
        return _parse(token)
    except InvalidToken:
        raise
    except Exception as surprise:
        raise InvalidToken(Refusal.UNEXPECTED, type(surprise).__name__) from None


def verify(
    token: str | Unverified, *, issuers: Mapping[str, TrustedIssuer], now: datetime
) -> Claims:
    """The claims of a token signed by one of `issuers` (by `iss`), checked against its policy.

    Raises InvalidToken and nothing else, whatever the token holds; ValueError when `now` is naive.
    The same token may exist with two signatures (ECDSA), so a denylist goes by `jti`, not by text.
    """
    if now.tzinfo is None:
        raise ValueError("verify needs an instant with an offset")
    try:
        unverified = token if isinstance(token, Unverified) else _parse(token)
        trusted = _check_signature(unverified, issuers)
        return read_claims(unverified._claims, trusted.policy, now)
    except InvalidToken:
        raise
    except Exception as surprise:
        # A stranger's token must never become a 500: what nobody foresaw is a refusal too.
        raise InvalidToken(Refusal.UNEXPECTED, type(surprise).__name__) from None


def _parse(token: str) -> Unverified:
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken(Refusal.OVERSIZE)
    segments = _COMPACT.fullmatch(token)
    if segments is None:
        raise InvalidToken(Refusal.MALFORMED)
    try:
        algorithm, kid, typ = _parse_header(segments[1])
        claims = load_object(decode_base64url(segments[2]))
        signature = decode_base64url(segments[3])
    except NotCanonical as error:
        raise InvalidToken(Refusal.MALFORMED, str(error)) from None
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise InvalidToken(Refusal.ISSUER)
    signing_input = token[: segments.end(2)].encode("ascii")
    return Unverified(issuer, kid, algorithm, typ, signing_input, signature, claims)


@lru_cache(maxsize=64)
def _parse_header(segment: str) -> tuple[str, str, str]:
    """`alg`, `kid` and `typ`. All tokens of one key have the same header text, so few are read."""
    header = load_object(decode_base64url(segment))
    if not _REFUSED_HEADERS.isdisjoint(header) or not _are_texts(header, _IGNORED_HEADERS):
        raise InvalidToken(Refusal.HEADER)
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str):
        raise InvalidToken(Refusal.ALGORITHM)
    if not isinstance(kid, str) or not is_key_id(kid):
        raise InvalidToken(Refusal.KEY_ID)
    if not isinstance(typ, str):
        raise InvalidToken(Refusal.TYPE)
    return algorithm, kid, typ


def _are_texts(members: Mapping[str, JsonValue], names: tuple[str, ...]) -> bool:
    return all(isinstance(members[name], str) for name in names if name in members)


def _check_signature(token: Unverified, issuers: Mapping[str, TrustedIssuer]) -> TrustedIssuer:
    trusted = issuers.get(token.issuer)
    if trusted is None:
        raise InvalidToken(Refusal.ISSUER)
    if token.algorithm not in trusted.policy.algorithms:
        raise InvalidToken(Refusal.ALGORITHM)
    if token.typ not in trusted.policy.types:
        raise InvalidToken(Refusal.TYPE)
    key = trusted.keys.get(token.kid)
    if key is None:
        raise InvalidToken(Refusal.UNKNOWN_KEY)
    if token.algorithm not in key.algorithms:
        raise InvalidToken(Refusal.ALGORITHM)
    if not key.verify(token.algorithm, token._signing_input, token._signature):
        raise InvalidToken(Refusal.SIGNATURE)
    return trusted


def read_claims(claims: Mapping[str, JsonValue], policy: TokenPolicy, now: datetime) -> Claims:
    """The claims, typed and checked against `policy`; the signature is not looked at here.

    Raises InvalidToken with the rule broken.
    """
    if claims.get("iss") != policy.issuer:
        raise InvalidToken(Refusal.ISSUER)
    if "cnf" in claims:
        # Taken without its proof, a token that is useless to a thief would be useful again.
        raise InvalidToken(Refusal.SENDER_CONSTRAINED)
    if policy.only_claims is not None and not policy.only_claims.issuperset(claims):
        raise InvalidToken(Refusal.UNEXPECTED_CLAIM)
    for name in policy.required_claims:
        if name not in claims:
            raise InvalidToken(Refusal.CLAIM, name)
    _check_audience(claims, policy)
    issued_at, expires_at = _validity(claims, policy, now)
    subject, client_id = _name(claims, "sub"), _name(claims, "client_id")
    acting = _actors(claims)
    if not policy.reserved_names.isdisjoint((subject, client_id, *acting)):
        raise InvalidToken(Refusal.RESERVED_NAME)
    return Claims(
        issuer=policy.issuer,
        subject=subject,
        client_id=client_id,
        scopes=_scopes(claims, policy),
        organization=_optional(claims, "org", _UUID),
        tenant=_optional(claims, "tenant", _CODE),
        function=_optional(claims, "function", _CODE),
        acting=acting,
        issued_at=issued_at,
        expires_at=expires_at,
        jti=_name(claims, "jti"),
    )


def _check_audience(claims: Mapping[str, JsonValue], policy: TokenPolicy) -> None:
    audience = claims.get("aud")
    if isinstance(audience, str):
        accepted = audience == policy.audience
    elif isinstance(audience, list) and not policy.sole_audience:
        accepted = policy.audience in audience and all(isinstance(one, str) for one in audience)
    else:
        accepted = False
    if not accepted:
        raise InvalidToken(Refusal.AUDIENCE)


def _validity(
    claims: Mapping[str, JsonValue], policy: TokenPolicy, now: datetime
) -> tuple[datetime, datetime]:
    issued, expires = _second(claims, "iat"), _second(claims, "exp")
    present = now.timestamp()
    latest_start = present + policy.leeway.total_seconds()
    if expires <= present:
        raise InvalidToken(Refusal.EXPIRED)
    if issued > latest_start or ("nbf" in claims and _second(claims, "nbf") > latest_start):
        raise InvalidToken(Refusal.NOT_YET_VALID)
    if not 0 < expires - issued <= policy.max_lifetime.total_seconds():
        raise InvalidToken(Refusal.LIFETIME)
    return datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC)


def _second(claims: Mapping[str, JsonValue], name: str) -> int:
    """A NumericDate (RFC 7519 §2) in whole seconds; `true` is an int in Python and refused."""
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _LATEST:
        raise InvalidToken(Refusal.CLAIM, name)
    return value


def _name(claims: Mapping[str, JsonValue], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or NAME_FORM.fullmatch(value) is None:
        raise InvalidToken(Refusal.CLAIM, name)
    return value


def _optional(claims: Mapping[str, JsonValue], name: str, form: re.Pattern[str]) -> str | None:
    """None when the claim is absent. A null one is not absent and refused."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise InvalidToken(Refusal.CLAIM, name)
    return value


def _scopes(claims: Mapping[str, JsonValue], policy: TokenPolicy) -> frozenset[str]:
    value = claims.get("scope", "")
    if not isinstance(value, str) or _SCOPE.fullmatch(value) is None:
        raise InvalidToken(Refusal.SCOPE)
    scopes = frozenset(value.split(" ")) if value else frozenset()
    return scopes if policy.scope_ceiling is None else scopes & policy.scope_ceiling


def _actors(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    actors: list[str] = []
    level = claims
    while "act" in level:
        actor = level["act"]
        if not isinstance(actor, dict) or not _ACTOR_MEMBERS.issuperset(actor):
            raise InvalidToken(Refusal.ACTOR)
        if len(actors) == MAX_ACTORS:
            raise InvalidToken(Refusal.ACTOR)
        actors.append(_name(actor, "sub"))
        level = actor
    return tuple(actors)
