"""The issuer's tokens, checked by a library that did not make them."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from maillage_local.data_folder import DemoAccounts
from maillage_local.demo.identities import PERSONAS, demo_organization
from maillage_local.identity_provider import LARGEST_FORM, create
from maillage_local.signing_keys import SigningKeys

ISSUER = "http://127.0.0.1:8001"
ACCOUNTS = DemoAccounts(password="a password", client_secret="a secret:with/odd characters")


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    made = SigningKeys(tmp_path / "keys.json")
    made.ensure()
    return made


@pytest.fixture
async def client(keys: SigningKeys) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create(ISSUER, keys, ACCOUNTS))
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as made:
        yield made


async def decode(client: httpx.AsyncClient, answer: httpx.Response) -> jwt.Token:
    key_set = KeySet.import_key_set((await client.get("/jwks.json")).json())
    return jwt.decode(answer.json()["access_token"], key_set, algorithms=["RS256"])


def sign_in(username: str, **more: str) -> dict[str, str]:
    return {
        "grant_type": "password",
        "username": username,
        "password": ACCOUNTS.password,
        **more,
    }


class TestDiscovery:
    async def test_names_its_own_endpoints(self, client: httpx.AsyncClient) -> None:
        document = (await client.get("/.well-known/openid-configuration")).json()
        assert document["issuer"] == ISSUER
        assert (await client.get(document["jwks_uri"])).status_code == 200
        assert (await client.post(document["token_endpoint"])).status_code == 400

    async def test_jwks_hold_no_private_part(self, client: httpx.AsyncClient) -> None:
        for key in (await client.get("/jwks.json")).json()["keys"]:
            assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


class TestPersons:
    @pytest.mark.parametrize(
        "persona",
        [one for one in PERSONAS.values() if not one.is_machine],
        ids=lambda one: one.name,
    )
    async def test_gets_the_claims_of_the_table(
        self, client: httpx.AsyncClient, persona: Any
    ) -> None:
        token = await decode(client, await client.post("/token", data=sign_in(persona.name)))
        assert token.header["typ"] == "at+jwt"
        claims = token.claims
        assert claims["iss"] == ISSUER
        assert claims["aud"] == "maillage"
        assert claims["sub"] == persona.subject != claims["client_id"]
        assert claims["scope"].split() == list(persona.scopes)
        assert claims.get("org") == (str(persona.organization) if persona.organization else None)
        assert claims.get("tenant") == persona.tenant
        assert claims.get("function") == persona.function
        assert claims["exp"] - claims["iat"] == 3600
        assert claims["jti"]

    async def test_may_ask_for_fewer_scopes(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/token", data=sign_in("coordinator", scope="directory:read"))
        assert answer.json()["scope"] == "directory:read"
        assert (await decode(client, answer)).claims["scope"] == "directory:read"

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            (sign_in("coordinator", scope="referrals:read"), "invalid_scope"),
            (sign_in("coordinator", password="wrong"), "invalid_grant"),
            (sign_in("nobody"), "invalid_grant"),
            (sign_in("partner-app"), "invalid_grant"),
            (sign_in("coordinator", client_id="partner-app"), "invalid_grant"),
            (sign_in("coordinator", grant_type="authorization_code"), "unsupported_grant_type"),
            ({}, "invalid_request"),
        ],
    )
    async def test_refuses(
        self, client: httpx.AsyncClient, form: dict[str, str], error: str
    ) -> None:
        answer = await client.post(
            "/token", data=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.headers["cache-control"] == "no-store"

    async def test_refuses_a_parameter_given_twice(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(
            "/token",
            content="grant_type=password&grant_type=client_credentials",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.json()["error"] == "invalid_request"

    @pytest.mark.parametrize("body", [b"\xff=1", b"a" * (LARGEST_FORM + 1)])
    async def test_refuses_an_unreadable_form(self, client: httpx.AsyncClient, body: bytes) -> None:
        answer = await client.post(
            "/token", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code in (400, 413)
        assert answer.json()["error"] == "invalid_request"


MACHINE = {"grant_type": "client_credentials"}


class TestMachines:
    async def test_subject_is_the_client(self, client: httpx.AsyncClient) -> None:
        own = {"client_id": "partner-app", "client_secret": ACCOUNTS.client_secret}
        token = await decode(client, await client.post("/token", data={**MACHINE, **own}))
        assert token.claims["sub"] == token.claims["client_id"] == "partner-app"

    async def test_may_use_http_basic(self, client: httpx.AsyncClient) -> None:
        secret = "a%20secret%3Awith%2Fodd%20characters"
        basic = base64.b64encode(f"partner-app:{secret}".encode()).decode()
        answer = await client.post(
            "/token", data=MACHINE, headers={"Authorization": f"Basic {basic}"}
        )
        assert answer.status_code == 200

    @pytest.mark.parametrize("authorization", ["Basic ###", "Basic bm90aGluZw==", "Bearer YTpi"])
    async def test_refuses_unreadable_credentials(
        self, client: httpx.AsyncClient, authorization: str
    ) -> None:
        answer = await client.post("/token", data=MACHINE, headers={"Authorization": authorization})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    async def test_persons_cannot_sign_in_as_machines(self, client: httpx.AsyncClient) -> None:
        own = {"client_id": "coordinator", "client_secret": ACCOUNTS.client_secret}
        answer = await client.post("/token", data={**MACHINE, **own})
        assert answer.json()["error"] == "invalid_client"


async def test_token_of_the_old_key_verifies_after_a_rotation(
    client: httpx.AsyncClient, keys: SigningKeys
) -> None:
    answer = await client.post("/token", data=sign_in("dpo"))
    keys.rotate()
    assert (await decode(client, answer)).claims["scope"] == "referrals:oversight"


def test_fixed_organization_ids() -> None:
    assert str(demo_organization("target")) == "f0d6b57e-0c5a-592d-b6b9-f6ac7b5ef6cf"
    assert PERSONAS["target-service"].organization == PERSONAS["reception"].organization
