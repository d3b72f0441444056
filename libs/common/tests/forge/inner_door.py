"""The doors of two services, and what the gateway and the services sign for them."""

from typing import Any

import pytest
from forged_tokens import (
    NOW,
    ORGANIZATION,
    SECOND,
    Forge,
    access_claims,
    ec_key,
    pem,
)

from maillage_common.claims import Claims, InvalidToken
from maillage_common.keys import TokenSigner
from maillage_common.tokens import (
    GATEWAY_ISSUER,
    INTERNAL_TOKEN_TYPE,
    InternalTokenVerifier,
    mint_internal,
    mint_service_token,
    service_issuer,
)

SERVICES = {"campaigns": ["directory:read", "referrals:write"], "referrals": ["directory:read"]}
GATEWAY = TokenSigner(pem(ec_key(name="gateway")), GATEWAY_ISSUER)
CAMPAIGNS = TokenSigner(pem(ec_key(name="campaigns")), service_issuer("campaigns"))
REFERRALS = TokenSigner(pem(ec_key(name="referrals")), service_issuer("referrals"))
SCOPES = ["campaigns:call", "directory:read", "referrals:write"]


def entry(signer: TokenSigner, scopes: list[str] | None) -> dict[str, Any]:
    return {"issuer": signer.issuer, "scopes": scopes, "jwks": signer.jwks()}


TRUSTED = {
    "issuers": [
        entry(GATEWAY, None),
        entry(CAMPAIGNS, SERVICES["campaigns"]),
        entry(REFERRALS, SERVICES["referrals"]),
    ]
}
REFERRALS_DOOR = InternalTokenVerifier(TRUSTED, audience="referrals")
DIRECTORY_DOOR = InternalTokenVerifier(TRUSTED, audience="directory")


def forge(signer: TokenSigner, name: str) -> Forge:
    """Signs as `signer` does, but anything."""
    return Forge(ec_key(name=name), "ES256", signer.kid)


def internal(name: str, *, typ: str = INTERNAL_TOKEN_TYPE, **changes: Any) -> str:
    """A token signed by the key of `name`, by default one the gateway would sign for referrals."""
    signer = {"gateway": GATEWAY, "campaigns": CAMPAIGNS, "referrals": REFERRALS}[name]
    pen = forge(signer, name)
    claims = access_claims(iss=signer.issuer, aud="referrals", iat=SECOND, exp=SECOND + 60)
    claims.update(changes)
    given = {claim: value for claim, value in claims.items() if value is not ...}
    return pen.token(given, pen.header(typ=typ))


def own(name: str, **changes: Any) -> str:
    """A service's own token, as forged by somebody who holds the service's key."""
    nobody: dict[str, Any] = {"org": ..., "tenant": ..., "function": ...}
    return internal(name, **{"sub": name, "client_id": name, **nobody, **changes})


def person(audience: str, **changes: Any) -> str:
    minted: dict[str, Any] = {
        "subject": "person-1",
        "client_id": "app",
        "scopes": SCOPES,
        "organization": ORGANIZATION,
        "tenant": "mc",
        "function": "health_counsellor",
        **changes,
    }
    return mint_internal(GATEWAY, audience=audience, now=NOW, **minted)


def service(signer: TokenSigner, audience: str, *scopes: str) -> str:
    name = signer.issuer.removeprefix("maillage-")
    return mint_service_token(signer, service=name, audience=audience, scopes=scopes, now=NOW)


def accept(token: str, subject_token: str | None = None) -> Claims:
    return REFERRALS_DOOR.verify(token, subject_token=subject_token, now=NOW)


def refuse(token: str, subject_token: str | None = None) -> str:
    with pytest.raises(InvalidToken) as refusal:
        accept(token, subject_token)
    return refusal.value.reason
