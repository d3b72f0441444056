"""What the gateway and the services may say to each other about a caller."""

from datetime import timedelta
from typing import Any

import pytest
from forged_tokens import (
    ISSUER,
    NOW,
    ORGANIZATION,
    SECOND,
    Forge,
    access_claims,
    ec_key,
    pem,
    rsa_key,
)
from inner_door import (
    CAMPAIGNS,
    DIRECTORY_DOOR,
    GATEWAY,
    REFERRALS,
    REFERRALS_DOOR,
    SCOPES,
    accept,
    internal,
    own,
    person,
    refuse,
    service,
)

from maillage_common.claims import InvalidToken, Refusal, TokenPolicy, TrustedIssuer, verify
from maillage_common.clock import frozen_time
from maillage_common.keys import TokenSigner, load_jwks
from maillage_common.tokens import (
    ANONYMOUS,
    GATEWAY_ISSUER,
    INTERNAL_TOKEN_TYPE,
    mint_anonymous_token,
    mint_service_token,
    service_issuer,
)


class TestTheGatewaysToken:
    def test_carries_the_caller(self) -> None:
        claims = accept(person("referrals", acting=("portal", "agent")))
        assert claims.subject == "person-1"
        assert claims.client_id == "app"
        assert claims.scopes == set(SCOPES)
        assert (claims.organization, claims.tenant) == (ORGANIZATION, "mc")
        assert claims.function == "health_counsellor"
        assert claims.acting == ("portal", "agent")
        assert claims.expires_at - claims.issued_at == timedelta(seconds=60)

    def test_carries_an_anonymous_caller_without_scopes(self) -> None:
        claims = accept(mint_anonymous_token(GATEWAY, audience="referrals", now=NOW))
        assert claims.subject == claims.client_id == ANONYMOUS
        assert claims.scopes == frozenset()

    def test_every_token_has_its_own_jti(self) -> None:
        assert accept(person("referrals")).jti != accept(person("referrals")).jti

    def test_the_clock_is_the_one_clock(self) -> None:
        with frozen_time(NOW):
            anonymous = mint_anonymous_token(GATEWAY, audience="referrals")
            own_token = mint_service_token(
                CAMPAIGNS, service="campaigns", audience="referrals", scopes=()
            )
        assert accept(anonymous).issued_at == accept(own_token).issued_at == NOW

    @pytest.mark.parametrize(
        "changes",
        [
            {"scopes": "directory:read"},
            {"scopes": ["two words"]},
            {"lifetime": timedelta(seconds=61)},
            {"lifetime": timedelta(0)},
            {"organization": "mc"},
            {"tenant": "MC"},
            {"function": ""},
            {"subject": ""},
            {"subject": ANONYMOUS},
            {"acting": ("",)},
            {"acting": ("a",) * 5},
        ],
    )
    def test_is_not_minted_when_services_would_refuse_it(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"scope|refuse"):
            person("referrals", **changes)

    def test_is_good_for_one_service(self) -> None:
        assert refuse(person("directory")) == Refusal.AUDIENCE
        assert refuse(internal("gateway", aud=["referrals"])) == Refusal.AUDIENCE
        assert refuse(internal("gateway", aud=["referrals", "directory"])) == Refusal.AUDIENCE

    def test_lives_a_minute_at_most(self) -> None:
        assert accept(internal("gateway")).subject
        assert refuse(internal("gateway", exp=SECOND + 61)) == Refusal.LIFETIME
        with pytest.raises(InvalidToken, match=Refusal.EXPIRED):
            REFERRALS_DOOR.verify(person("referrals"), now=NOW + timedelta(seconds=60))

    def test_has_a_scope_claim_even_if_empty(self) -> None:
        assert refuse(internal("gateway", scope=...)) == Refusal.CLAIM

    @pytest.mark.parametrize("claim", ["azp", "email", "may_act", "nbf", "groups"])
    def test_has_no_other_claims(self, claim: str) -> None:
        more: dict[str, Any] = {claim: 1}
        assert refuse(internal("gateway", **more)) == Refusal.UNEXPECTED_CLAIM

    @pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "JWT", ""])
    def test_has_its_own_typ(self, typ: str) -> None:
        assert refuse(internal("gateway", typ=typ)) == Refusal.TYPE

    @pytest.mark.parametrize("name", ["campaigns", "referrals", "gateway"])
    def test_cannot_name_a_service_as_its_caller_or_actor(self, name: str) -> None:
        for changes in (
            {"sub": name, "client_id": name},
            {"client_id": name},
            {"act": {"sub": name}},
            {"act": {"sub": "app", "act": {"sub": name}}},
        ):
            assert refuse(internal("gateway", **changes)) == Refusal.RESERVED_NAME

    def test_anonymous_is_nobody_in_particular(self) -> None:
        nobody = {"sub": ANONYMOUS, "client_id": ANONYMOUS, "scope": ""}
        absent: dict[str, Any] = {"org": ..., "tenant": ..., "function": ...}
        assert accept(internal("gateway", **{**nobody, **absent})).subject
        for changes in (
            {"scope": "directory:read"},
            {"org": ORGANIZATION},
            {"tenant": "mc"},
            {"function": "psychologist"},
            {"act": {"sub": "app"}},
            {"client_id": "app"},
            {"sub": "person-1"},
        ):
            assert refuse(internal("gateway", **{**nobody, **absent, **changes})) == (
                Refusal.RESERVED_NAME
            )


class TestAServicesToken:
    def test_speaks_in_its_own_name(self) -> None:
        claims = accept(service(CAMPAIGNS, "referrals", "referrals:write"))
        assert claims.subject == claims.client_id == "campaigns"
        assert claims.scopes == {"referrals:write"}
        assert claims.acting == ()

    def test_scopes_end_at_the_services_ceiling(self) -> None:
        wanted = ["referrals:write", "referrals:read", "ops:read", "directory:read"]
        claims = accept(service(CAMPAIGNS, "referrals", *wanted))
        assert claims.scopes == {"referrals:write", "directory:read"}

    @pytest.mark.parametrize(
        "names",
        [
            {"sub": "person-1"},
            {"sub": "person-1", "client_id": "person-1"},
            {"client_id": "app"},
            {"sub": "referrals", "client_id": "referrals"},
            {"sub": ANONYMOUS, "client_id": ANONYMOUS},
            {"sub": "maillage-campaigns", "client_id": "maillage-campaigns"},
        ],
    )
    def test_cannot_speak_for_another(self, names: dict[str, str]) -> None:
        assert refuse(own("campaigns", **names)) == Refusal.CLAIM

    @pytest.mark.parametrize(
        "claim",
        [
            {"act": {"sub": "app"}},
            {"org": ORGANIZATION},
            {"tenant": "mc"},
            {"function": "psychologist"},
        ],
    )
    def test_carries_no_person(self, claim: dict[str, Any]) -> None:
        assert refuse(own("campaigns", **claim)) == Refusal.UNEXPECTED_CLAIM

    def test_cannot_sign_as_the_gateway_or_another_service(self) -> None:
        for issuer in (GATEWAY_ISSUER, "maillage-referrals"):
            assert refuse(own("campaigns", iss=issuer)) == Refusal.UNKNOWN_KEY
            pen = Forge(ec_key(name="campaigns"), "ES256", GATEWAY.kid)
            claims = access_claims(iss=GATEWAY_ISSUER, aud="referrals", exp=SECOND + 60, iat=SECOND)
            token = pen.token(claims, pen.header(typ=INTERNAL_TOKEN_TYPE))
            assert refuse(token) == Refusal.SIGNATURE

    def test_an_issuer_that_is_not_listed_is_refused(self) -> None:
        stranger = TokenSigner(pem(ec_key(name="x")), service_issuer("directory"))
        assert refuse(service(stranger, "referrals")) == Refusal.ISSUER

    def test_is_not_minted_in_another_name(self) -> None:
        with pytest.raises(ValueError, match="refuse"):
            mint_service_token(CAMPAIGNS, service="referrals", audience="directory", scopes=())


class TestActingForSomebody:
    def test_the_person_acts_through_the_service(self) -> None:
        subject_token = person("campaigns", acting=("portal",))
        claims = accept(service(CAMPAIGNS, "referrals", "referrals:write"), subject_token)
        assert (claims.subject, claims.client_id) == ("person-1", "app")
        assert (claims.organization, claims.tenant) == (ORGANIZATION, "mc")
        assert claims.acting == ("campaigns", "portal")

    def test_scopes_are_those_that_person_service_and_ceiling_share(self) -> None:
        subject_token = person("campaigns", scopes=["directory:read", "referrals:read", "ops:read"])
        token = service(CAMPAIGNS, "referrals", "directory:read", "referrals:write", "ops:read")
        assert accept(token, subject_token).scopes == {"directory:read"}

    def test_ends_with_the_first_of_both_tokens(self) -> None:
        short = timedelta(seconds=5)
        long_own = service(CAMPAIGNS, "referrals")
        subject_token = person("campaigns", lifetime=short)
        assert accept(long_own, subject_token).expires_at == NOW + short
        with pytest.raises(InvalidToken) as refusal:
            REFERRALS_DOOR.verify(long_own, subject_token=subject_token, now=NOW + short)
        assert (refusal.value.reason, refusal.value.claim) == (
            Refusal.SUBJECT_TOKEN,
            Refusal.EXPIRED,
        )

    def test_an_anonymous_caller_stays_anonymous_and_without_scopes(self) -> None:
        subject_token = mint_anonymous_token(GATEWAY, audience="campaigns", now=NOW)
        claims = accept(service(CAMPAIGNS, "referrals", "referrals:write"), subject_token)
        assert (claims.subject, claims.acting) == (ANONYMOUS, ("campaigns",))
        assert claims.scopes == frozenset()

    @pytest.mark.parametrize("audience", ["referrals", "directory"])
    def test_a_person_handed_to_another_service_is_refused(self, audience: str) -> None:
        token = service(CAMPAIGNS, "referrals", "referrals:write")
        assert refuse(token, person(audience)) == Refusal.SUBJECT_TOKEN

    def test_a_service_cannot_make_a_person_up(self) -> None:
        token = service(CAMPAIGNS, "referrals", "referrals:write")
        for made_up in (
            internal("campaigns", aud="campaigns"),
            internal("campaigns", aud="campaigns", iss=GATEWAY_ISSUER),
            Forge(ec_key(name="campaigns"), "ES256", GATEWAY.kid).token(
                access_claims(iss=GATEWAY_ISSUER, aud="campaigns", iat=SECOND, exp=SECOND + 60),
                {"alg": "ES256", "kid": GATEWAY.kid, "typ": INTERNAL_TOKEN_TYPE},
            ),
            own("campaigns", aud="campaigns"),
            service(REFERRALS, "campaigns", "directory:read"),
            token,
            "",
            "a.b.c",
        ):
            assert refuse(token, made_up) == Refusal.SUBJECT_TOKEN

    def test_a_forged_act_of_a_service_is_refused_in_the_subject_token_too(self) -> None:
        token = service(CAMPAIGNS, "referrals", "referrals:write")
        subject_token = internal("gateway", aud="campaigns", act={"sub": "referrals"})
        assert refuse(token, subject_token) == Refusal.SUBJECT_TOKEN

    def test_an_anonymous_caller_with_scopes_is_refused_in_the_subject_token_too(self) -> None:
        token = service(CAMPAIGNS, "referrals", "referrals:write")
        nobody = {"sub": ANONYMOUS, "client_id": ANONYMOUS, "scope": "referrals:write"}
        subject_token = internal("gateway", aud="campaigns", **nobody)
        assert refuse(token, subject_token) == Refusal.SUBJECT_TOKEN

    def test_the_gateway_brings_no_subject_token(self) -> None:
        assert refuse(person("referrals"), person("referrals")) == Refusal.SUBJECT_TOKEN

    def test_a_bad_own_token_is_refused_whatever_the_subject_token(self) -> None:
        assert refuse(service(CAMPAIGNS, "directory"), person("campaigns")) == Refusal.AUDIENCE

    def test_a_chain_ends_at_the_second_service(self) -> None:
        handed_over = person("campaigns")
        first = service(CAMPAIGNS, "referrals", "directory:read")
        assert accept(first, handed_over).subject == "person-1"
        second = service(REFERRALS, "directory", "directory:read")
        for passed_on in (handed_over, first):
            with pytest.raises(InvalidToken, match=Refusal.SUBJECT_TOKEN):
                DIRECTORY_DOOR.verify(second, subject_token=passed_on, now=NOW)
        assert DIRECTORY_DOOR.verify(second, now=NOW).subject == "referrals"


class TestReplayBetweenDoors:
    outer_key = Forge(rsa_key(), "RS256", "outer")

    def outer_door(self, *more: TrustedIssuer) -> dict[str, TrustedIssuer]:
        keys = load_jwks({"keys": [self.outer_key.jwk()]}, issuer=ISSUER, algorithms=["RS256"])
        policy = TokenPolicy(
            issuer=ISSUER,
            audience="maillage",
            algorithms=frozenset({"RS256"}),
            max_lifetime=timedelta(hours=1),
        )
        trusted = [TrustedIssuer(policy, keys), *more]
        return {one.policy.issuer: one for one in trusted}

    def test_an_internal_token_is_refused_at_the_outer_door(self) -> None:
        for token in (person("referrals"), service(CAMPAIGNS, "referrals", "referrals:write")):
            with pytest.raises(InvalidToken, match=Refusal.ISSUER):
                verify(token, issuers=self.outer_door(), now=NOW)

    def test_an_access_token_is_refused_at_the_inner_door(self) -> None:
        for audience in ("maillage", "referrals"):
            token = self.outer_key.token(access_claims(aud=audience))
            assert refuse(token) == Refusal.ISSUER
            assert refuse(service(CAMPAIGNS, "referrals"), token) == Refusal.SUBJECT_TOKEN

    def test_a_card_session_and_an_internal_token_of_one_key_stay_apart(self) -> None:
        issuer = "http://127.0.0.1:8000/referrals"
        card = TokenSigner(pem(ec_key(name="referrals")), issuer)
        policy = TokenPolicy(
            issuer=issuer,
            audience="maillage",
            algorithms=frozenset({"ES256"}),
            max_lifetime=timedelta(minutes=15),
            scope_ceiling=frozenset({"referrals:subject"}),
        )
        keys = load_jwks(card.jwks(), issuer=issuer, algorithms=["ES256"])
        door = self.outer_door(TrustedIssuer(policy, keys))
        claims = access_claims(iss=issuer, client_id="card", exp=SECOND + 800)
        session = card.sign({**claims, "scope": "referrals:subject ops:read"}, typ="at+jwt")
        assert verify(session, issuers=door, now=NOW).scopes == {"referrals:subject"}
        assert refuse(session) == Refusal.ISSUER
        for changes in ({"aud": "maillage"}, {"aud": "maillage", "iss": issuer}):
            with pytest.raises(InvalidToken, match=f"{Refusal.ISSUER}|{Refusal.TYPE}"):
                verify(own("referrals", **changes), issuers=door, now=NOW)
        renamed = card.sign({**claims, "iss": issuer}, typ=INTERNAL_TOKEN_TYPE)
        assert refuse(renamed) == Refusal.ISSUER
