"""The demo identity provider: a small OpenID Connect issuer for one machine.

    python -m maillage_local.identity_provider --data-dir .local --port 8001

It stands for the identity providers of the partners, which production uses instead: accounts are
the personas of `demo/identities.py`, all with one generated password per data folder, and it
listens on the loopback interface only. Tokens are RFC 9068 access tokens, signed RS256.
"""

import argparse
import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import uvicorn
from jose import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from maillage_common import clock
from maillage_local.data_folder import DataFolder, DemoAccounts
from maillage_local.demo.identities import PERSONAS, Persona
from maillage_local.signing_keys import TOKEN_LIFETIME, SigningKeys

AUDIENCE = "maillage"
LOOPBACK = "127.0.0.1"
LARGEST_FORM = 8 * 1024
# Wildcard, so that a page served from elsewhere on this machine may sign in.
_OPEN = {"Access-Control-Allow-Origin": "*"}
_PRIVATE = {"Cache-Control": "no-store", **_OPEN}


class TokenRefused(Exception):
    """An error of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


def create(issuer: str, keys: SigningKeys, accounts: DemoAccounts) -> Starlette:
    """The application of the issuer whose public address is `issuer`."""

    async def discovery(request: Request) -> JSONResponse:
        return JSONResponse(metadata(issuer), headers=_OPEN)

    async def jwks(request: Request) -> JSONResponse:
        return JSONResponse(
            {"keys": keys.published()}, headers={"Cache-Control": "max-age=60", **_OPEN}
        )

    async def token(request: Request) -> JSONResponse:
        try:
            form = await _form(request)
            persona = authenticate(form, request.headers.get("authorization"), accounts)
            scopes = granted_scopes(persona, form.get("scope"))
        except TokenRefused as refusal:
            return JSONResponse(
                {"error": refusal.error, "error_description": refusal.description},
                refusal.status,
                headers=_PRIVATE,
            )
        answer = {
            "access_token": access_token(issuer, keys, persona, scopes),
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFETIME.total_seconds()),
            "scope": " ".join(scopes),
        }
        return JSONResponse(answer, headers=_PRIVATE)

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks.json", jwks),
            Route("/token", token, methods=["POST"]),
        ]
    )


def metadata(issuer: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0, as far as an issuer of access tokens alone needs it."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks.json",
        "token_endpoint": f"{issuer}/token",
        "grant_types_supported": ["client_credentials", "password"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": sorted({scope for one in PERSONAS.values() for scope in one.scopes}),
    }


def authenticate(
    form: Mapping[str, str], authorization: str | None, accounts: DemoAccounts
) -> Persona:
    """The account that the request proves, or TokenRefused."""
    match form.get("grant_type"):
        case "client_credentials":
            return _client(form, authorization, accounts)
        case "password":
            return _person(form, accounts)
        case None:
            raise TokenRefused("invalid_request", "grant_type is missing")
        case _:
            raise TokenRefused("unsupported_grant_type", "client_credentials or password")


def granted_scopes(persona: Persona, asked: str | None) -> tuple[str, ...]:
    """All scopes of the account, or those asked for if it has them all."""
    if asked is None:
        return persona.scopes
    wanted = tuple(dict.fromkeys(asked.split()))
    if not set(wanted) <= set(persona.scopes):
        raise TokenRefused("invalid_scope", f"{persona.name} has: {' '.join(persona.scopes)}")
    return wanted


def access_token(issuer: str, keys: SigningKeys, persona: Persona, scopes: tuple[str, ...]) -> str:
    """An RFC 9068 access token of one hour."""
    issued = clock.now()
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": persona.subject,
        "client_id": persona.client_id,
        "scope": " ".join(scopes),
        "iat": int(issued.timestamp()),
        "exp": int((issued + TOKEN_LIFETIME).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    if persona.organization is not None:
        claims["org"] = str(persona.organization)
    if persona.tenant is not None:
        claims["tenant"] = persona.tenant
    if persona.function is not None:
        claims["function"] = persona.function
    key = keys.signing()
    headers = {"typ": "at+jwt", "kid": key.kid}
    return str(jwt.encode(claims, key.pem, algorithm="RS256", headers=headers))


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "send application/x-www-form-urlencoded")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise TokenRefused("invalid_request", "the form is too large", 413)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError as malformed:
        raise TokenRefused("invalid_request", "the form cannot be read") from malformed
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefused("invalid_request", "a parameter is given twice")
    return form


def _person(form: Mapping[str, str], accounts: DemoAccounts) -> Persona:
    persona = PERSONAS.get(form.get("username", ""))
    right = _same(form.get("password", ""), accounts.password)
    if persona is None or persona.is_machine or not right:
        raise TokenRefused("invalid_grant", "no such account, or not its password")
    if form.get("client_id", persona.client_id) != persona.client_id:
        raise TokenRefused("invalid_grant", f"{persona.name} signs in at {persona.client_id}")
    return persona


def _client(form: Mapping[str, str], authorization: str | None, accounts: DemoAccounts) -> Persona:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization is not None:
        client_id, secret = _basic(authorization)
    persona = PERSONAS.get(client_id)
    right = _same(secret, accounts.client_secret)
    if persona is None or not persona.is_machine or not right:
        raise TokenRefused("invalid_client", "no such client, or not its secret", 401)
    return persona


def _basic(authorization: str) -> tuple[str, str]:
    """RFC 6749 §2.3.1: both halves are form-encoded before base64."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as malformed:
        raise TokenRefused("invalid_client", "Basic credentials cannot be read", 401) from malformed
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise TokenRefused("invalid_client", "use HTTP Basic or client_secret", 401)
    return unquote(client_id), unquote(secret)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def main() -> None:
    """Serve the issuer of a data folder until stopped."""
    parser = argparse.ArgumentParser(prog="python -m maillage_local.identity_provider")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    folder = DataFolder(chosen.data_dir)
    keys = SigningKeys(folder.identity_provider_keys)
    keys.ensure()
    issuer = f"http://{LOOPBACK}:{chosen.port}"
    uvicorn.run(
        create(issuer, keys, folder.secrets().accounts),
        host=LOOPBACK,
        port=chosen.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
