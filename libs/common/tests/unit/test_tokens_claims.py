"""The rules for what an access token says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
    rsa_key,
)
from outer_door import ES, ISSUERS, KEYS, POLICY, RS, accept, refuse, refuse_claims

from maillage_common.claims import (
    MAX_ACTORS,
    Claims,
    InvalidToken,
    Refusal,
    TrustedIssuer,
    parse,
    verify,
)
from maillage_common.keys import ALGORITHMS, load_jwks


@pytest.mark.parametrize("forge", [RS, ES], ids=lambda forge: forge.algorithm)
def test_reads_a_good_token(forge: Forge) -> None:
    assert accept(forge.token(access_claims(nbf=SECOND, email="x@example.org", acr=1.5))) == Claims(
        issuer=ISSUER,
        subject="person-1",
        client_id="app",
        scopes=frozenset({"directory:read", "referrals:read"}),
        organization=ORGANIZATION,
        tenant="mc",
        function="health_counsellor",
        acting=(),
        issued_at=datetime.fromtimestamp(SECOND - 10, UTC),
        expires_at=datetime.fromtimestamp(SECOND + 600, UTC),
        jti="token-1",
    )


def test_optional_claims_may_be_absent() -> None:
    claims = accept(ES.token(access_claims(org=..., tenant=..., function=..., scope=...)))
    assert (claims.organization, claims.tenant, claims.function) == (None, None, None)
    assert claims.scopes == frozenset()


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_listed_algorithm_verifies(algorithm: str) -> None:
    key = rsa_key() if algorithm.startswith("RS") else ec_key(algorithm)
    forge = Forge(key, algorithm, "k")
    keys = load_jwks({"keys": [forge.jwk()]}, issuer=ISSUER, algorithms=[algorithm])
    policy = replace(POLICY, algorithms=frozenset({algorithm}))
    issuers = {ISSUER: TrustedIssuer(policy, keys)}
    assert verify(forge.token(access_claims()), issuers=issuers, now=NOW).subject == "person-1"


def test_parse_tells_which_key_to_look_for() -> None:
    unverified = parse(ES.token(access_claims()))
    assert (unverified.issuer, unverified.kid, unverified.algorithm) == (ISSUER, "ec", "ES256")
    assert verify(unverified, issuers=ISSUERS, now=NOW).subject == "person-1"
    assert "person-1" not in repr(unverified)


OTHER_ISSUER = "https://other.example"


class TestIssuer:
    @pytest.mark.parametrize(
        "iss", [..., None, 1, True, [ISSUER], {}, "", ISSUER + "/", ISSUER.upper(), "http://x", " "]
    )
    def test_a_missing_wrong_or_non_string_iss_is_refused(self, iss: object) -> None:
        assert refuse_claims(iss=iss) == Refusal.ISSUER

    def test_the_same_kid_in_two_issuers_stays_bound_to_its_issuer(self) -> None:
        other = Forge(ec_key(name="other"), "ES256", "ec")
        policy = replace(POLICY, issuer=OTHER_ISSUER)
        keys = load_jwks({"keys": [other.jwk()]}, issuer=OTHER_ISSUER, algorithms=ALGORITHMS)
        issuers = {**ISSUERS, OTHER_ISSUER: TrustedIssuer(policy, keys)}
        honest = other.token(access_claims(iss=OTHER_ISSUER))
        assert verify(honest, issuers=issuers, now=NOW).issuer == OTHER_ISSUER
        for forged in (other.token(access_claims()), ES.token(access_claims(iss=OTHER_ISSUER))):
            with pytest.raises(InvalidToken, match=Refusal.SIGNATURE):
                verify(forged, issuers=issuers, now=NOW)

    def test_a_token_is_judged_by_the_policy_of_its_own_issuer(self) -> None:
        misfiled = {OTHER_ISSUER: ISSUERS[ISSUER]}
        with pytest.raises(InvalidToken, match=Refusal.ISSUER):
            verify(ES.token(access_claims(iss=OTHER_ISSUER)), issuers=misfiled, now=NOW)

    def test_keys_cannot_be_paired_with_the_policy_of_another_issuer(self) -> None:
        with pytest.raises(ValueError, match="another issuer"):
            TrustedIssuer(replace(POLICY, issuer=OTHER_ISSUER), KEYS)


class TestAudience:
    @pytest.mark.parametrize(
        "aud",
        [
            ...,
            None,
            1,
            "",
            "maillag",
            "maillage2",
            "Maillage",
            "maillage ",
            [],
            ["other"],
            [None],
            ["maillage", 1],
            ["maillage", None],
            [["maillage"]],
            {"maillage": 1},
            "other maillage",
        ],
    )
    def test_a_missing_wrong_or_mixed_aud_is_refused(self, aud: object) -> None:
        assert refuse_claims(aud=aud) == Refusal.AUDIENCE

    def test_one_of_several_audiences_is_enough(self) -> None:
        token = ES.token(access_claims(aud=["account", "maillage"]))
        assert accept(token).subject
        assert refuse(token, sole_audience=True) == Refusal.AUDIENCE


class TestNames:
    @pytest.mark.parametrize("claim", ["sub", "client_id", "jti"])
    @pytest.mark.parametrize(
        "value",
        [
            ...,
            None,
            1,
            True,
            1.5,
            [],
            ["a"],
            {"a": 1},
            "",
            " ",
            " a",
            "a ",
            "a\n",
            "a\x00b",
            "é",
            "a\u202eb",
            "k" * 256,
        ],
    )
    def test_a_missing_non_string_or_unprintable_name_is_refused(
        self, claim: str, value: object
    ) -> None:
        assert refuse_claims(**{claim: value}) == Refusal.CLAIM

    @pytest.mark.parametrize("value", ["auth0|1", "a", "k" * 255, "Jean Dupont", "{}';--"])
    def test_printable_names_are_taken_as_they_are(self, value: str) -> None:
        assert accept(ES.token(access_claims(sub=value))).subject == value

    @pytest.mark.parametrize(
        ("claim", "values"),
        [
            ("org", [None, 1, "", "mc", ORGANIZATION.upper(), f"{{{ORGANIZATION}}}"]),
            ("org", [ORGANIZATION.replace("-", ""), ORGANIZATION + "\n", [ORGANIZATION]]),
            ("tenant", [None, 1, "", "MC", "mc solidaris", "mc'", "é", "m" * 65, ["mc"], "mc\n"]),
            ("function", [None, 1, "", "Psychologist", "a b", "-a", {}, "psychologist\0"]),
        ],
    )
    def test_a_malformed_organization_tenant_or_function_is_refused(
        self, claim: str, values: list[object]
    ) -> None:
        for value in values:
            assert refuse_claims(**{claim: value}) == Refusal.CLAIM

    @pytest.mark.parametrize(
        "claims",
        [
            {"sub": "campaigns", "client_id": "campaigns"},
            {"client_id": "campaigns"},
            {"sub": "anonymous"},
            {"act": {"sub": "campaigns"}},
            {"act": {"sub": "app", "act": {"sub": "campaigns"}}},
        ],
    )
    def test_a_reserved_name_is_refused_wherever_it_stands(self, claims: dict[str, Any]) -> None:
        assert refuse_claims(**claims) == Refusal.RESERVED_NAME


class TestTime:
    @pytest.mark.parametrize("claim", ["exp", "iat"])
    @pytest.mark.parametrize(
        "value",
        [
            ...,
            None,
            True,
            "",
            str(SECOND + 5),
            [SECOND + 5],
            {},
            SECOND + 5.0,
            SECOND + 0.5,
            -1,
            -(2**63),
            2**63,
            10**23,
            253402300800,
        ],
    )
    def test_an_instant_that_is_no_sensible_whole_second_is_refused(
        self, claim: str, value: object
    ) -> None:
        assert refuse_claims(**{claim: value}) == Refusal.CLAIM

    @pytest.mark.parametrize("value", [None, True, "0", [], 0.0, -1, 2**63])
    def test_a_malformed_nbf_is_refused(self, value: object) -> None:
        assert refuse_claims(nbf=value) == Refusal.CLAIM

    def test_exp_at_or_before_now_is_refused(self) -> None:
        assert accept(ES.token(access_claims(exp=SECOND + 1))).subject
        for exp in (SECOND, SECOND - 1, 0):
            assert refuse_claims(exp=exp) == Refusal.EXPIRED

    def test_exp_is_compared_with_fractions_of_a_second(self) -> None:
        token = ES.token(access_claims(exp=SECOND + 1))
        for late in (timedelta(seconds=1), timedelta(seconds=1, microseconds=1)):
            with pytest.raises(InvalidToken, match=Refusal.EXPIRED):
                verify(token, issuers=ISSUERS, now=NOW + late)
        assert verify(token, issuers=ISSUERS, now=NOW + timedelta(milliseconds=999)).subject

    @pytest.mark.parametrize("claim", ["nbf", "iat"])
    def test_the_future_beyond_leeway_is_refused(self, claim: str) -> None:
        assert accept(ES.token(access_claims(**{claim: SECOND + 10}))).subject
        assert refuse_claims(**{claim: SECOND + 11}) == Refusal.NOT_YET_VALID

    def test_a_lifetime_above_policy_is_refused(self) -> None:
        assert accept(ES.token(access_claims(iat=SECOND - 600, exp=SECOND + 3000))).subject
        assert refuse_claims(iat=SECOND - 601, exp=SECOND + 3000) == Refusal.LIFETIME
        assert refuse_claims(iat=0) == Refusal.LIFETIME

    def test_a_token_that_ends_before_it_begins_is_refused(self) -> None:
        assert refuse_claims(iat=SECOND + 5, exp=SECOND + 5) == Refusal.LIFETIME

    def test_the_clock_must_be_aware(self) -> None:
        with pytest.raises(ValueError, match="offset"):
            verify("a.b.c", issuers=ISSUERS, now=NOW.replace(tzinfo=None))


class TestScope:
    @pytest.mark.parametrize(
        "scope",
        [
            None,
            1,
            True,
            ["directory:read"],
            {"directory:read": True},
            " ",
            " directory:read",
            "directory:read ",
            "a  b",
            "a\tb",
            "a\nb",
            "a\r\nb",
            'a"b',
            "a\\b",
            "é",
            "a\x00",
        ],
    )
    def test_a_scope_that_is_no_list_of_scope_tokens_is_refused(self, scope: object) -> None:
        assert refuse_claims(scope=scope) == Refusal.SCOPE

    @pytest.mark.parametrize(
        "scope", ["directory:rea", "directory:read:all", "Directory:Read", "*"]
    )
    def test_scope_match_is_exact(self, scope: str) -> None:
        claims = accept(ES.token(access_claims(scope=scope)))
        assert claims.scopes == {scope}
        assert "directory:read" not in claims.scopes

    def test_scopes_beyond_the_issuers_ceiling_are_dropped(self) -> None:
        token = ES.token(access_claims(scope="directory:read directory:admin ops:read"))
        ceiling = frozenset({"directory:read", "referrals:subject"})
        assert accept(token, scope_ceiling=ceiling).scopes == {"directory:read"}
        assert accept(token, scope_ceiling=frozenset()).scopes == frozenset()

    def test_an_empty_scope_grants_nothing(self) -> None:
        assert accept(ES.token(access_claims(scope=""))).scopes == frozenset()


class TestActors:
    def test_the_present_actor_comes_first(self) -> None:
        act = {"sub": "portal", "client_id": "p", "act": {"sub": "agent", "iss": ISSUER}}
        assert accept(ES.token(access_claims(act=act))).acting == ("portal", "agent")

    @pytest.mark.parametrize(
        "act",
        [
            None,
            "app",
            1,
            [],
            [{"sub": "app"}],
            {"sub": "app", "act": None},
            {"sub": "app", "scope": "ops:read"},
            {"sub": "app", "exp": 1},
        ],
    )
    def test_a_malformed_act_is_refused(self, act: object) -> None:
        assert refuse_claims(act=act) == Refusal.ACTOR

    @pytest.mark.parametrize(
        "act", [{}, {"sub": None}, {"sub": ""}, {"sub": {}}, {"client_id": "a"}]
    )
    def test_an_actor_has_a_name(self, act: object) -> None:
        assert refuse_claims(act=act) == Refusal.CLAIM

    def test_a_chain_of_actors_has_an_end(self) -> None:
        act: dict[str, Any] = {"sub": "actor"}
        for _ in range(MAX_ACTORS - 1):
            act = {"sub": "actor", "act": act}
        assert len(accept(ES.token(access_claims(act=act))).acting) == MAX_ACTORS
        assert refuse_claims(act={"sub": "actor", "act": act}) == Refusal.ACTOR


@pytest.mark.parametrize("cnf", [None, {}, {"jkt": "x"}, {"x5t#S256": "x"}, "x"])
def test_a_sender_constrained_token_is_refused_with_its_own_reason(cnf: object) -> None:
    assert refuse_claims(cnf=cnf) == Refusal.SENDER_CONSTRAINED


def test_a_required_claim_and_a_closed_set_of_claims_are_kept_to() -> None:
    required = frozenset({"scope", "tenant"})
    assert refuse(ES.token(access_claims(tenant=...)), required_claims=required) == Refusal.CLAIM
    only = frozenset(access_claims())
    assert accept(ES.token(access_claims()), only_claims=only).subject
    token = ES.token(access_claims(extra=1))
    assert refuse(token, only_claims=only) == Refusal.UNEXPECTED_CLAIM


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithms": frozenset()},
        {"algorithms": "RS256"},
        {"algorithms": frozenset({"HS256"})},
        {"issuer": ""},
        {"audience": ""},
        {"max_lifetime": timedelta(0)},
        {"leeway": timedelta(seconds=-1)},
    ],
)
def test_an_unsound_policy_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"policy|algorithms"):
        replace(POLICY, **changes)
