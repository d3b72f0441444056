"""Internal tokens and request headers for tests, as the gateway and the services make them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from joserfc import jwt
from joserfc.jwk import ECKey

from maillage_common import clock
from maillage_local.environment import KeyRing
from maillage_local.keys import public_jwk

TOKEN_SECONDS = 60

Headers = dict[str, str]


class CallerHeaders(Protocol):
    """`as_caller`: headers of a request by a person or a machine, through the gateway."""

    def __call__(
        self,
        *,
        sub: str = ...,
        scope: str = ...,
        org: str | None = ...,
        tenant: str | None = ...,
        function: str | None = ...,
        client_id: str = ...,
    ) -> Headers: ...


class ServiceHeaders(Protocol):
    """`as_service`: headers of a request by another service, for a person or for itself."""

    def __call__(
        self, name: str, *, scope: str = ..., on_behalf: Mapping[str, str | None] | None = ...
    ) -> Headers: ...


@dataclass(frozen=True)
class TokenPress:
    """Signs internal tokens as the gateway and the services do, with a library of its own.

    Not `maillage_common.tokens`: a fault there must not cancel itself out.
    """

    keys: KeyRing

    def press(self, issuer: str, audience: str, claims: Mapping[str, str | None]) -> str:
        """One token of `issuer` ("gateway" or a service) with the claims that are not None."""
        pem = self.keys.private_pem(issuer)
        issued = int(clock.now().timestamp())
        body = {
            "iss": f"maillage-{issuer}",
            "aud": audience,
            "iat": issued,
            "exp": issued + TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
            "scope": "",
            **{name: value for name, value in claims.items() if value is not None},
        }
        header = {
            "alg": "ES256",
            "typ": "maillage-internal+jwt",
            "kid": public_jwk(pem)["kid"],
        }
        return jwt.encode(header, body, ECKey.import_key(pem))


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}
