"""Who must not see it sees nothing, and cannot tell that there is something.

Each wall is tried from outside with everything an attacker could hold short of the person's card:
tokens of the demo's own identity provider with claims made up, one's own word, a printed code. What
is hidden is asked for beside what does not exist, and the two answers must be the same octets.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jose import jwt
from tests.e2e.running import HeardStory, RunningStack

from maillage_common import clock
from maillage_common.columns import uuid7
from maillage_common.tokens import TokenSigner, mint_internal, mint_service_token
from maillage_local.demo.identities import PERSONAS, Persona, demo_organization, demo_service
from maillage_local.environment import KeyRing
from maillage_local.signing_keys import SigningKeys

SERVICES = ("directory", "referrals", "campaigns")
TEXT = {"language": "fr", "version": "2026-1"}
# Each answer's own: when, under which id, and how much of the meter is left.
OWN_HEADERS = {"date", "x-request-id", "ratelimit", "ratelimit-policy"}
EMPTY_PAGE = b'{"items":[],"next_cursor":null}'
Send = Callable[..., httpx.Response]


@dataclass(frozen=True)
class Forge:
    """Signs whatever is asked with the demo identity provider's own key."""

    issuer: str
    keys: SigningKeys

    def token(self, persona: Persona, **changed: Any) -> str:
        """An access token of `persona`; a claim changed to None is left out."""
        issued = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "maillage",
            "sub": persona.subject,
            "client_id": persona.client_id,
            "scope": " ".join(persona.scopes),
            "iat": issued,
            "exp": issued + 600,
            "jti": str(uuid4()),
            "org": str(persona.organization) if persona.organization else None,
            "tenant": persona.tenant,
            "function": persona.function,
        } | changed
        said = {name: value for name, value in claims.items() if value is not None}
        key = self.keys.signing()
        headers = {"typ": "at+jwt", "kid": key.kid}
        return str(jwt.encode(said, key.pem, algorithm="RS256", headers=headers))


@pytest.fixture(scope="module")
def forge(stack: RunningStack) -> Forge:
    keys = SigningKeys(stack.folder.identity_provider_keys)
    return Forge(stack.state.identity_provider_url, keys)


@pytest.fixture(scope="module")
def story(stack: RunningStack) -> HeardStory:
    """A teller of its own: what is forged here is no part of what the story's people said."""
    return stack.story()


@pytest.fixture
def send(gateway: httpx.Client) -> Send:
    def request(token: str | None, method: str, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return gateway.request(method, path, headers=headers | body.pop("headers", {}), **body)

    return request


def face(answer: httpx.Response) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All of an answer that could tell one from another."""
    trace_id = answer.headers["x-request-id"].encode()
    assert answer.status_code < 300 or trace_id in answer.content
    headers = sorted((n, v) for n, v in answer.headers.items() if n not in OWN_HEADERS)
    return answer.status_code, tuple(headers), answer.content.replace(trace_id, b"")


@dataclass(frozen=True)
class Someone:
    """A person with a card and entries at a social service; none of it open to anybody else."""

    handle: str
    card: Mapping[str, str]
    pointers: tuple[str, ...]


@pytest.fixture(scope="module")
def someone(story: HeardStory) -> Someone:
    made = story.call("social-worker", "POST", "/referrals/v1/subjects", json={}).json()
    home = {"kind": "organization", "organization": str(demo_organization("casg"))}
    consent = _consent(made["handle"], home, ["ordinary", "mental_health"])
    story.call("social-worker", "POST", "/referrals/v1/consents", json=consent)
    ids = []
    for category in ("administration", "mental_health"):
        pointer = {
            "handle": made["handle"],
            "category": category,
            "kind": "demarche",
            "status": "under_way",
            "from_on": clock.now().date().isoformat(),
            "locator": {"system": "demo-dossiers", "reference": f"W-{time.time_ns()}"},
        }
        noted = story.call("social-worker", "POST", "/referrals/v1/pointers", json=pointer)
        ids.append(noted.json()["id"])
    return Someone(made["handle"], made["card"], tuple(ids))


def _consent(handle: str, grantee: dict[str, str], categories: list[str]) -> dict[str, Any]:
    return {
        "handle": handle,
        "grantee": grantee,
        "categories": categories,
        "purposes": ["social_support", "care"],
        "text": TEXT,
        "proof": {"method": "oral"},
    }


def _code_of_nobody(code: str) -> str:
    """A printed code with good check digits that no card bears."""
    body = f"{(int(code.replace('/', '')[:10]) + 1) % 10**10:010d}"
    digits = body + f"{int(body) % 97 or 97:02d}"
    return f"{digits[:3]}/{digits[3:7]}/{digits[7:]}"


def _hidden_paths(told: HeardStory, someone: Someone) -> Iterator[tuple[str, str]]:
    """(what exists, the same of nothing)"""
    nothing = str(uuid7())
    referral = f"/referrals/v1/referrals/{told.held['referral']}"
    for path in (referral, f"{referral}/history"):
        yield path, path.replace(told.held["referral"], nothing)
    for pointer in someone.pointers:
        yield (
            f"/referrals/v1/pointers/{pointer}?purpose=care",
            f"/referrals/v1/pointers/{nothing}?purpose=care",
        )
    yield (
        f"/referrals/v1/subjects/{someone.handle}/access-log",
        f"/referrals/v1/subjects/{someone.handle[::-1]}/access-log",
    )
    yield f"/campaigns/v1/leases/{told.held['lease']}", f"/campaigns/v1/leases/{nothing}"
    yield f"/campaigns/v1/imports/{told.held['import']}", f"/campaigns/v1/imports/{nothing}"
    rows = f"/campaigns/v1/imports/{told.held['import']}/rows"
    yield rows, f"/campaigns/v1/imports/{nothing}/rows"


class TestStrangers:
    """Whoever has nothing to do with it: machines, other functions, other mutualities, offices."""

    @pytest.mark.parametrize(
        "who",
        [
            "partner-app",
            "reception",
            "psychologist",
            "general-practitioner",
            "chw-worker",
            "directory-editor",
            "office-solidaris",
            "counsellor-solidaris",
            "coordinator",
            "dpo",
            "ops",
            None,
        ],
    )
    def test_see_the_same_as_nothing(
        self, who: str | None, stack: RunningStack, send: Send, told: HeardStory, someone: Someone
    ) -> None:
        token = stack.token(who) if who else None
        for hidden, nothing in _hidden_paths(told, someone):
            seen, absent = send(token, "GET", hidden), send(token, "GET", nothing)
            assert seen.status_code in (401, 403, 404), hidden
            assert face(seen) == face(absent), hidden

    @pytest.mark.parametrize(
        ("who", "part"),
        [
            ("office-mc", "/leases/"),
            ("counsellor-mc", "/imports/"),
            ("counsellor-mc", "/pointers/"),
        ],
    )
    def test_of_ones_own_mutuality_see_the_same_as_nothing(
        self, who: str, part: str, stack: RunningStack, send: Send, told: HeardStory,
        someone: Someone,
    ) -> None:  # fmt: skip
        token = stack.token(who)
        for hidden, nothing in _hidden_paths(told, someone):
            if part in hidden:
                seen, absent = send(token, "GET", hidden), send(token, "GET", nothing)
                assert seen.status_code in (403, 404)
                assert face(seen) == face(absent)

    def test_is_a_colleague_at_the_next_desk_too(
        self, send: Send, forge: Forge, told: HeardStory
    ) -> None:
        colleague = forge.token(PERSONAS["counsellor-mc"], sub=str(uuid4()))
        seen = send(colleague, "GET", f"/campaigns/v1/leases/{told.held['lease']}")
        absent = send(colleague, "GET", f"/campaigns/v1/leases/{uuid7()}")
        assert seen.status_code == 404
        assert face(seen) == face(absent)

    @pytest.mark.parametrize("who", ["counsellor-solidaris", "office-mc", "office-solidaris"])
    def test_change_nothing_of_a_call(
        self, who: str, stack: RunningStack, send: Send, told: HeardStory
    ) -> None:
        attempt = next(a for a in told.answers if a.request.url.path.endswith("/attempts"))
        token = stack.token(who)
        for verb, body in (
            ("attempts", attempt.request.content),
            ("release", b'{"fencing_token": 1}'),
            ("extension", b'{"fencing_token": 1}'),
        ):
            answers = [
                send(
                    token,
                    "POST",
                    f"/campaigns/v1/leases/{lease}/{verb}",
                    content=body,
                    headers={"Content-Type": "application/json"},
                )
                for lease in (told.held["lease"], uuid7())
            ]
            assert {answer.status_code for answer in answers} <= {403, 404}
            assert face(answers[0]) == face(answers[1])

    def test_decide_nothing_of_anothers_list(
        self, stack: RunningStack, send: Send, told: HeardStory
    ) -> None:
        token = stack.token("office-solidaris")
        answers = [
            send(
                token, "POST", f"/campaigns/v1/imports/{one}/decision", json={"decision": "cancel"}
            )
            for one in (told.held["import"], uuid7())
        ]
        assert answers[0].status_code == 404
        assert face(answers[0]) == face(answers[1])

    def test_have_empty_boxes(self, stack: RunningStack, send: Send, told: HeardStory) -> None:
        for who in ("psychologist", "chw-worker", "reception"):
            for box in ("inbox", "outbox"):
                answer = send(stack.token(who), "GET", f"/referrals/v1/{box}?limit=100")
                refused = answer.status_code == 403
                assert refused or told.held["referral"] not in answer.text


@pytest.fixture(scope="module")
def machine(forge: Forge) -> str:
    """An application of the receiving service itself, with every scope there is."""
    scopes = sorted({scope for one in PERSONAS.values() for scope in one.scopes})
    return forge.token(
        PERSONAS["target-service"],
        sub="target-app",
        client_id="target-app",
        scope=" ".join(scopes),
        tenant="mc",
    )


class TestMachines:
    """Bare client credentials never reach a person, whatever their token says."""

    def test_read_no_person(
        self, machine: str, send: Send, told: HeardStory, someone: Someone
    ) -> None:
        for hidden, nothing in _hidden_paths(told, someone):
            if "/imports/" in hidden:
                continue  # a back office's machine pushes its list, and reads what became of it
            seen, absent = send(machine, "GET", hidden), send(machine, "GET", nothing)
            assert seen.status_code == 403, hidden
            assert face(seen) == face(absent), hidden

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/referrals/v1/pointers/search", {"handle": "x", "purpose": "care"}),
            ("/referrals/v1/subjects", {}),
            ("/referrals/v1/subjects/resolve", {"card_code": "123/4567/89012"}),
            ("/campaigns/v1/leases", {"campaign_id": str(uuid7())}),
        ],
    )
    def test_do_nothing_with_a_person(
        self, machine: str, send: Send, path: str, body: dict[str, str]
    ) -> None:
        answer = send(machine, "POST", path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "machines_refused")


class TestOnesOwnWord:
    """A worker who knows the printed code helps themself to a consent and a care link."""

    @pytest.mark.parametrize("who", ["psychologist", "raq-worker", "general-practitioner"])
    def test_opens_nothing_and_tells_nothing(
        self, who: str, story: HeardStory, someone: Someone
    ) -> None:
        code = someone.card["code"]
        found = list(self._help_oneself(story, who, code, someone))
        missed = list(self._help_oneself(story, who, _code_of_nobody(code), someone))
        for one, other in zip(found, missed, strict=True):
            assert face(one) == face(other)
        assert found[-1].content == EMPTY_PAGE

    @staticmethod
    def _help_oneself(
        story: HeardStory, who: str, code: str, someone: Someone
    ) -> Iterator[httpx.Response]:
        """What is read after writing all that one's own word can write."""
        card = {"card_code": code}
        resolved = story.call(who, "POST", "/referrals/v1/subjects/resolve", json=card)
        handle = resolved.json()["handle"]
        own = {"kind": "organization", "organization": str(PERSONAS[who].organization)}
        # Nothing can be written about nobody: who has the printed card in hand may know that much.
        made = (201, 404)
        for grantee in (own, {"kind": "person", "person": PERSONAS[who].subject}):
            consent = _consent(handle, grantee, ["ordinary", "mental_health"])
            story.call(who, "POST", "/referrals/v1/consents", json=consent, expect=made)
        link = {"handle": handle, "evidence": {"kind": "declared"}}
        story.call(who, "POST", "/referrals/v1/care-links", json=link, expect=made)
        for pointer in someone.pointers:
            path = f"/referrals/v1/pointers/{pointer}?purpose=care"
            yield story.call(who, "GET", path, expect=404)
        for purpose in ("social_support", "care"):
            search = {"handle": handle, "purpose": purpose}
            yield story.call(who, "POST", "/referrals/v1/pointers/search", json=search)

    def test_tells_of_ones_own_consents_alone(self, story: HeardStory, someone: Someone) -> None:
        list(self._help_oneself(story, "raq-worker", someone.card["code"], someone))
        card = {"card_code": someone.card["code"]}
        resolved = story.call("raq-worker", "POST", "/referrals/v1/subjects/resolve", json=card)
        path = f"/referrals/v1/subjects/{resolved.json()['handle']}/consents"
        consents = story.call("raq-worker", "GET", path).json()["items"]
        own = str(PERSONAS["raq-worker"].organization)
        assert consents
        assert {consent["recorded_by_organization"] for consent in consents} == {own}

    def test_shows_in_the_persons_log(self, story: HeardStory, someone: Someone) -> None:
        shown = {"secret": someone.card["qr_payload"]}
        session = story.call(None, "POST", "/referrals/v1/card-sessions", json=shown).json()
        log = f"/referrals/v1/subjects/{session['handle']}/access-log?limit=100"
        items = story.call(None, "GET", log, token=session["access_token"]).json()["items"]
        denied = {one["organization"] for one in items if one["decision"] == "denied"}
        assert str(PERSONAS["psychologist"].organization) in denied


class TestPrintedCode:
    """The code under the QR locates a card. It is no secret, and proves nothing."""

    def test_opens_no_session(self, send: Send, someone: Someone) -> None:
        code, nobody = someone.card["code"], _code_of_nobody(someone.card["code"])
        for form in ("{}", "{}....", "MAILLAGE:CARD:1:{}", "{:0>32}"):
            answers = [
                send(None, "POST", "/referrals/v1/card-sessions", json={"secret": form.format(one)})
                for one in (code, nobody)
            ]
            assert answers[0].status_code in (403, 422)
            assert face(answers[0]) == face(answers[1])

    def test_is_no_proof_of_a_consent(self, story: HeardStory, someone: Someone) -> None:
        code = someone.card["code"]
        resolved = story.call(
            "raq-worker", "POST", "/referrals/v1/subjects/resolve", json={"card_code": code}
        )
        own = {"kind": "organization", "organization": str(PERSONAS["raq-worker"].organization)}
        consent = _consent(resolved.json()["handle"], own, ["ordinary"])
        for proof in (
            {"method": "card", "card_secret": f"{code}...."},
            {"method": "card", "card_secret": f"MAILLAGE:CARD:1:{code}"},
            {"method": "one_time_code", "code": code},
            {"method": "login"},
        ):
            answer = story.call(
                "raq-worker",
                "POST",
                "/referrals/v1/consents",
                json=consent | {"proof": proof},
                expect=422,
            )
            assert answer.json()["code"] == "proof_refused"

    def test_makes_no_second_card(self, story: HeardStory, someone: Someone) -> None:
        code = someone.card["code"]
        resolved = story.call(
            "raq-worker", "POST", "/referrals/v1/subjects/resolve", json={"card_code": code}
        )
        answer = story.call(
            "raq-worker",
            "POST",
            f"/referrals/v1/subjects/{resolved.json()['handle']}/cards",
            json={"card_secret": f"{code}...."},
            expect=(403, 404, 422),
        )
        assert "qr_payload" not in answer.text


class TestForgedTokens:
    """The identity provider's key in the wrong hands still cannot speak for our services."""

    @pytest.mark.parametrize("name", ["gateway", *SERVICES, "anonymous", "card"])
    @pytest.mark.parametrize("claim", ["act", "nested act", "client_id", "sub", "machine"])
    def test_that_name_a_service_are_refused(
        self, name: str, claim: str, forge: Forge, send: Send
    ) -> None:
        forgeries: dict[str, dict[str, Any]] = {
            "act": {"act": {"sub": name}},
            "nested act": {"act": {"sub": "partner-app", "act": {"sub": name}}},
            "client_id": {"client_id": name},
            "sub": {"sub": name},
            "machine": {"sub": name, "client_id": name},
        }
        token = forge.token(PERSONAS["psychologist"], **forgeries[claim])
        answer = send(token, "GET", "/referrals/v1/inbox")
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")

    @pytest.mark.parametrize("actor", ["target-service", "counsellor-mc", "social-worker"])
    def test_that_name_another_person_open_nothing(
        self, actor: str, forge: Forge, send: Send, told: HeardStory, someone: Someone
    ) -> None:
        for act in (
            {"sub": PERSONAS[actor].subject},
            {"sub": PERSONAS[actor].subject, "client_id": PERSONAS[actor].client_id},
            {"sub": "partner-app", "act": {"sub": PERSONAS[actor].subject}},
        ):
            token = forge.token(PERSONAS["psychologist"], act=act)
            for hidden, nothing in _hidden_paths(told, someone):
                seen, absent = send(token, "GET", hidden), send(token, "GET", nothing)
                assert seen.status_code in (401, 403, 404)
                assert face(seen) == face(absent)

    @pytest.mark.parametrize(
        "changed",
        [
            {"aud": "referrals"},
            {"aud": ["maillage-internal"]},
            {"iss": "maillage-gateway"},
            {"exp": int(time.time()) - 60},
            {"exp": int(time.time()) + 7 * 24 * 3600},
            {"nbf": int(time.time()) + 3600},
            {"jti": None},
            {"sub": None},
            {"org": "not-a-uuid"},
            {"tenant": "mc solidaris"},
        ],
        ids=str,
    )
    def test_that_say_what_none_may_say_are_refused(
        self, changed: dict[str, Any], forge: Forge, send: Send
    ) -> None:
        answer = send(
            forge.token(PERSONAS["psychologist"], **changed), "GET", "/referrals/v1/inbox"
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")

    def test_of_the_card_come_from_referrals_alone(self, forge: Forge, send: Send) -> None:
        """A session's scope in a token of the identity provider makes nobody a card's holder."""
        person = replace(PERSONAS["psychologist"], scopes=("referrals:subject",))
        answer = send(forge.token(person), "GET", "/referrals/v1/subjects/x/consents")
        assert answer.status_code in (401, 403, 404)

    def test_are_good_when_nothing_is_changed(self, forge: Forge, send: Send) -> None:
        """Or the refusals above would prove nothing."""
        token = forge.token(PERSONAS["psychologist"])
        assert send(token, "GET", "/referrals/v1/inbox").status_code == 200


class TestServicesCalledDirectly:
    """A service's own port, past the gateway."""

    @pytest.fixture
    def direct(self, stack: RunningStack) -> Iterator[Callable[..., httpx.Response]]:
        with httpx.Client(timeout=20, trust_env=False) as client:

            def get(service: str, token: str | None, **headers: str) -> httpx.Response:
                if token is not None:
                    headers["Authorization"] = f"Bearer {token}"
                url = f"http://127.0.0.1:{stack.state.ports[service]}{_A_READ[service]}"
                return client.get(url, headers=headers)

            yield get

    @pytest.fixture
    def ring(self, stack: RunningStack) -> KeyRing:
        return KeyRing(stack.folder.keys)

    @pytest.mark.parametrize("service", SERVICES)
    def test_refuse_every_route_without_internal_token(
        self, service: str, stack: RunningStack
    ) -> None:
        base = f"http://127.0.0.1:{stack.state.ports[service]}"
        with httpx.Client(base_url=base, timeout=20, trust_env=False) as client:
            paths = client.get("/openapi.json").json()["paths"]
            answered = {
                f"{method} {path}": client.request(method, path).status_code
                for path, methods in paths.items()
                for method in methods
            }
        open_ones = {f"get {path}" for path in ("/health/live", "/health/ready")}
        open_ones.add("get /referrals/v1/jwks.json")
        assert len(answered) > 10
        assert {name for name, status in answered.items() if status != 401} <= open_ones

    @pytest.mark.parametrize("service", SERVICES)
    def test_refuse_outer_tokens(
        self, service: str, stack: RunningStack, direct: Callable[..., httpx.Response]
    ) -> None:
        for who in ("raq-worker", "counsellor-mc", "partner-app", "ops"):
            _assert_refused(direct(service, stack.token(who)))

    @pytest.mark.parametrize("service", SERVICES)
    def test_refuse_internal_tokens_of_another_audience(
        self, service: str, ring: KeyRing, direct: Callable[..., httpx.Response]
    ) -> None:
        signer = TokenSigner.from_file(ring.signing_key_file("gateway"), issuer="maillage-gateway")
        for audience in {*SERVICES, "gateway", "maillage"} - {service}:
            _assert_refused(direct(service, _internal(signer, audience)))
        assert direct(service, _internal(signer, service)).status_code == 200

    @pytest.mark.parametrize("service", SERVICES)
    def test_refuse_tokens_of_a_service_in_the_gateways_name(
        self, service: str, ring: KeyRing, direct: Callable[..., httpx.Response]
    ) -> None:
        for other in SERVICES:
            key = ring.signing_key_file(other)
            signer = TokenSigner.from_file(key, issuer="maillage-gateway")
            _assert_refused(direct(service, _internal(signer, service)))

    @pytest.mark.parametrize("service", SERVICES)
    def test_refuse_an_old_token(
        self, service: str, ring: KeyRing, direct: Callable[..., httpx.Response]
    ) -> None:
        signer = TokenSigner.from_file(ring.signing_key_file("gateway"), issuer="maillage-gateway")
        old = clock.now() - timedelta(seconds=90)
        _assert_refused(direct(service, _internal(signer, service, now=old)))

    @pytest.mark.parametrize("service", SERVICES)
    def test_believe_no_header(self, service: str, direct: Callable[..., httpx.Response]) -> None:
        spoofed = {"X-Maillage-Subject": "x", "X-User": "x", "X-Forwarded-User": "x"}
        _assert_refused(direct(service, None, **spoofed))

    def test_believe_no_subject_token_that_was_made_for_another(
        self, ring: KeyRing, direct: Callable[..., httpx.Response]
    ) -> None:
        """Campaigns acts for whoever called campaigns, and for nobody else."""
        gateway = TokenSigner.from_file(ring.signing_key_file("gateway"), issuer="maillage-gateway")
        campaigns = TokenSigner.from_file(
            ring.signing_key_file("campaigns"), issuer="maillage-campaigns"
        )
        own = mint_service_token(
            campaigns, service="campaigns", audience="referrals", scopes=["referrals:write"]
        )
        for audience in ("directory", "referrals"):
            subject = _internal(gateway, audience)
            answer = direct("referrals", own, **{"Maillage-Subject-Token": subject})
            _assert_refused(answer)
        _assert_refused(direct("referrals", own, **{"Maillage-Subject-Token": own}))
        subject = _internal(gateway, "campaigns")
        good = direct("referrals", own, **{"Maillage-Subject-Token": subject})
        assert good.status_code != 401


_A_READ = {
    "directory": f"/directory/v1/services/{demo_service('target')}",
    "referrals": "/referrals/v1/outbox",
    "campaigns": "/campaigns/v1/campaigns",
}


def _internal(signer: TokenSigner, audience: str, **more: Any) -> str:
    return mint_internal(
        signer,
        audience=audience,
        subject=str(uuid4()),
        client_id="demo-field-app",
        scopes=["directory:read", "referrals:read", "referrals:write", "campaigns:manage"],
        organization=str(demo_organization("casg")),
        function="social_worker",
        **more,
    )


def _assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
