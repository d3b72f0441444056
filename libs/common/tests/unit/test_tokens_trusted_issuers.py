"""Whose internal tokens a service trusts, and how far."""

import json
from pathlib import Path
from typing import Any

import pytest
from forged_tokens import (
    NOW,
    ec_key,
    pem,
    public_jwk,
    rsa_key,
)
from inner_door import (
    CAMPAIGNS,
    GATEWAY,
    TRUSTED,
    entry,
    person,
)

from maillage_common.keys import TokenSigner
from maillage_common.tokens import (
    ANONYMOUS,
    GATEWAY_ISSUER,
    InternalTokenVerifier,
    InvalidTrustedIssuers,
    mint_anonymous_token,
)


class TestTrustedIssuersFile:
    def test_reads_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "trusted.json").write_text(json.dumps(TRUSTED))
        door = InternalTokenVerifier.from_file(tmp_path / "trusted.json", audience="referrals")
        assert door.verify(person("referrals"), now=NOW).subject == "person-1"

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"{}",
            b"[]",
            b'{"issuers":null}',
            b'{"issuers":{}}',
            b'{"issuers":[],"issuers":[]}',
            {"issuers": []},
            {"issuers": [entry(CAMPAIGNS, [])]},
            {"issuers": [None]},
            {"issuers": ["maillage-gateway"]},
            {"issuers": [{"scopes": None, "jwks": GATEWAY.jwks()}]},
            {"issuers": [{"issuer": GATEWAY_ISSUER, "jwks": GATEWAY.jwks()}]},
            {"issuers": [{"issuer": GATEWAY_ISSUER, "scopes": None}]},
            {"issuers": [{"issuer": GATEWAY_ISSUER, "scopes": None, "jwks": {"keys": []}}]},
            {"issuers": [{**entry(GATEWAY, None), "scopes": "directory:read"}]},
            {"issuers": [{**entry(GATEWAY, None), "scopes": [1]}]},
            {"issuers": [{**entry(GATEWAY, None), "issuer": "gateway"}]},
            {"issuers": [{**entry(GATEWAY, None), "issuer": "maillage-"}]},
            {"issuers": [entry(GATEWAY, None), entry(GATEWAY, None)]},
            {"issuers": [entry(GATEWAY, None), {**entry(CAMPAIGNS, None), "jwks": GATEWAY.jwks()}]},
        ],
    )
    def test_refuses_an_unusable_file(self, document: Any) -> None:
        with pytest.raises(InvalidTrustedIssuers):
            InternalTokenVerifier(document, audience="referrals")

    def test_refuses_an_unfit_key_beside_a_good_one(self) -> None:
        mixed = {"keys": [*GATEWAY.jwks()["keys"], public_jwk(rsa_key(), "rsa")]}
        document = {"issuers": [{**entry(GATEWAY, None), "jwks": mixed}]}
        with pytest.raises(InvalidTrustedIssuers, match="unfit key"):
            InternalTokenVerifier(document, audience="referrals")

    def test_two_keys_of_one_issuer_are_both_trusted_during_a_rotation(self) -> None:
        new = TokenSigner(pem(ec_key(name="gateway, new")), GATEWAY_ISSUER)
        both = {"keys": [*GATEWAY.jwks()["keys"], *new.jwks()["keys"]]}
        document = {"issuers": [{**entry(GATEWAY, None), "jwks": both}]}
        door = InternalTokenVerifier(document, audience="referrals")
        for signer in (GATEWAY, new):
            token = mint_anonymous_token(signer, audience="referrals", now=NOW)
            assert door.verify(token, now=NOW).subject == ANONYMOUS
