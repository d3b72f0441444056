"""A door for access tokens: one issuer with an RSA and an EC key, and what it says to a token."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from forged_tokens import (
    ISSUER,
    NOW,
    Forge,
    access_claims,
    ec_key,
    rsa_key,
)

from maillage_common.claims import (
    Claims,
    InvalidToken,
    TokenPolicy,
    TrustedIssuer,
    verify,
)
from maillage_common.keys import ALGORITHMS, load_jwks

RS = Forge(rsa_key(), "RS256", "rsa")
ES = Forge(ec_key(), "ES256", "ec")

POLICY = TokenPolicy(
    issuer=ISSUER,
    audience="maillage",
    algorithms=ALGORITHMS,
    max_lifetime=timedelta(hours=1),
    leeway=timedelta(seconds=10),
    reserved_names=frozenset({"campaigns", "anonymous"}),
)
KEYS = load_jwks({"keys": [RS.jwk(), ES.jwk()]}, issuer=ISSUER, algorithms=ALGORITHMS)
ISSUERS = {ISSUER: TrustedIssuer(POLICY, KEYS)}


def accept(token: str, **policy: Any) -> Claims:
    trusted = TrustedIssuer(replace(POLICY, **policy), KEYS)
    return verify(token, issuers={ISSUER: trusted}, now=NOW)


def refuse(token: Any, **policy: Any) -> str:
    """The reason why `token` is refused."""
    with pytest.raises(InvalidToken) as refusal:
        accept(token, **policy)
    return refusal.value.reason


def refuse_claims(**changes: Any) -> str:
    return refuse(ES.token(access_claims(**changes)))


def refuse_header(**changes: Any) -> str:
    return refuse(ES.token(access_claims(), ES.header(**changes)))
