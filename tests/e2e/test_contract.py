"""What the services offer, what the gateway lets through and what is written down are the same.

Black-box: documents are read from the running processes. The scopes that a service's route takes
stand in that service's own document; the gateway's policy may narrow them, and has to know them.
"""

import ast
import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.running import RunningStack

from maillage_gateway.policy import SCOPES, Policy
from maillage_local.demo.identities import PERSONAS, demo_organization

ROOT = Path(__file__).parents[2]
BEHIND = ("directory", "referrals", "campaigns")
SERVICES = (*BEHIND, "gateway")
METHODS = ("get", "post", "put", "patch", "delete")
# What a service answers its neighbours and its operators, and nobody outside. Events of referrals
# (`POST /campaigns/v1/referral-events`) belong here too; no document names them.
INSIDE = {("get", "/health/live"), ("get", "/health/ready")}
REFERRAL_EVENTS = "/campaigns/v1/referral-events"

PERSONA_TABLE = """
raq-worker           | host-partner        | -         | raq                  | directory:read directory:write referrals:read referrals:write consents:write
chw-worker           | intermut            | -         | chw                  | directory:read directory:write referrals:read referrals:write consents:write
cpps-worker          | basin-nord          | -         | cpps                 | directory:read directory:write referrals:read referrals:write consents:write
social-worker        | casg                | -         | social_worker        | directory:read directory:write referrals:read referrals:write consents:write
target-service       | target              | -         | social_worker        | directory:read directory:write referrals:read referrals:write
reception            | target              | -         | reception            | directory:read referrals:read
general-practitioner | maison-medicale     | -         | general_practitioner | directory:read referrals:read referrals:write consents:write referrals:break-glass
psychologist         | mental-health       | -         | psychologist         | directory:read referrals:read referrals:write consents:write
directory-editor     | basin-nord          | -         | -                    | directory:read directory:write directory:verify directory:admin
partner-app          | -                   | -         | -                    | directory:read
office-mc            | mutuality-mc        | mc        | -                    | campaigns:lists
office-solidaris     | mutuality-solidaris | solidaris | -                    | campaigns:lists
counsellor-mc        | mutuality-mc        | mc        | health_counsellor    | campaigns:call directory:read directory:write referrals:write
counsellor-solidaris | mutuality-solidaris | solidaris | health_counsellor    | campaigns:call directory:read directory:write referrals:write
coordinator          | ces-coordination    | -         | -                    | campaigns:manage campaigns:report directory:read
dpo                  | -                   | -         | -                    | referrals:oversight
ops                  | -                   | -         | -                    | ops:read
"""  # noqa: E501 (a table is read across)


@dataclass(frozen=True)
class Operation:
    """One method of one path, and the scopes any one of which opens it (none = open)."""

    service: str
    method: str
    path: str
    scopes: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(service: str, document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                asked = item[method].get("security", [])
                scopes = {scope for one in asked for named in one.values() for scope in named}
                yield Operation(service, method, path, frozenset(scopes))


@pytest.fixture(scope="session")
def offered(stack: RunningStack) -> list[Operation]:
    """What the services themselves say that they answer."""
    found: list[Operation] = []
    for service in BEHIND:
        url = f"http://127.0.0.1:{stack.state.ports[service]}/openapi.json"
        document = httpx.get(url, timeout=30, trust_env=False).raise_for_status().json()
        found += operations(service, document)
    return found


@pytest.fixture(scope="session")
def merged(gateway: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = gateway.get("/openapi.json").raise_for_status().json()
    return document


class TestGatewayKnowsTheServices:
    def test_what_a_service_offers_is_let_through_or_stays_inside(
        self, offered: list[Operation], merged: dict[str, Any]
    ) -> None:
        shown = {(one.method, one.path) for one in operations("", merged)}
        hidden = {one.name for one in offered if (one.method, one.path) not in shown | INSIDE}
        assert hidden == set()
        assert len(shown) > 60

    def test_the_document_shows_nothing_that_no_service_offers(
        self, offered: list[Operation], merged: dict[str, Any]
    ) -> None:
        known = {(one.method, one.path) for one in offered}
        invented = [
            one.name for one in operations("", merged) if (one.method, one.path) not in known
        ]
        assert invented == []

    def test_each_scope_that_opens_a_route_inside_passes_the_gateway(
        self, offered: list[Operation]
    ) -> None:
        policy = Policy.load()
        stopped = {}
        for one in offered:
            route = policy.find(one.method.upper(), one.path)
            if route is not None and (lost := one.scopes - route.scopes):
                stopped[one.name] = sorted(lost)
        assert stopped == {}

    def test_a_route_is_open_outside_when_it_is_open_inside(self, offered: list[Operation]) -> None:
        policy = Policy.load()
        differing = []
        for one in offered:
            route = policy.find(one.method.upper(), one.path)
            if route is not None and route.anonymous is bool(one.scopes):
                differing.append(one.name)
        assert differing == []

    def test_no_row_of_the_policy_leads_nowhere(self, offered: list[Operation]) -> None:
        """A door in front of nothing would let through whatever is built behind it one day."""
        policy = Policy.load()
        used = set()
        for one in offered:
            # HSDS calls its first endpoint `/`; the document has it without.
            for path in (one.path, f"{one.path}/"):
                route = policy.find(one.method.upper(), path)
                if route is not None:
                    used.add((one.method.upper(), route.path))
        rows = {(method, route.path) for route in policy.routes for method in route.methods}
        assert rows - used == set()

    def test_the_document_names_the_scopes_that_work(
        self, offered: list[Operation], merged: dict[str, Any]
    ) -> None:
        """Not the wider set that the gateway would let try."""
        inside = {(one.method, one.path): one.scopes for one in offered}
        promised = {
            one.name: sorted(one.scopes - inside[one.method, one.path])
            for one in operations("", merged)
            if one.scopes - inside[one.method, one.path]
        }
        assert promised == {}

    def test_scopes_are_the_ones_of_the_suite(self, offered: list[Operation]) -> None:
        assert {scope for one in offered for scope in one.scopes} <= SCOPES

    def test_what_is_for_neighbours_does_not_exist_outside(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        answer = gateway.post(REFERRAL_EVENTS, json={}, headers=as_persona("raq-worker"))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_route")


class TestInterfaceContract:
    @pytest.mark.parametrize(
        "path", ["/health/live", "/health/ready", "/openapi.json", "/docs", "/"]
    )
    def test_the_gateway_has_its_own_pages(self, gateway: httpx.Client, path: str) -> None:
        assert gateway.get(path).status_code == 200

    @pytest.mark.parametrize("prefix", ["/directory/v1/", "/referrals/v1/", "/campaigns/v1/"])
    def test_every_api_of_the_contract_is_there(self, merged: dict[str, Any], prefix: str) -> None:
        assert [path for path in merged["paths"] if path.startswith(prefix)] != []

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("post", "/directory/v1/services/search"),
            ("post", "/referrals/v1/card-sessions"),
            ("get", "/referrals/v1/jwks.json"),
            ("get", "/directory/v1/services"),
            ("get", "/directory/v1/organizations"),
            ("get", "/directory/v1/needs"),
            ("get", "/directory/v1/territories"),
            ("get", "/directory/v1/programs"),
            ("get", "/directory/v1/observations"),
        ],
    )
    def test_what_needs_no_token_says_so(
        self, merged: dict[str, Any], method: str, path: str
    ) -> None:
        assert {} in merged["paths"][path][method]["security"]

    def test_nothing_else_is_open_for_writing(self, merged: dict[str, Any]) -> None:
        open_writes = {
            f"{method} {path}"
            for path, item in merged["paths"].items()
            for method in METHODS
            if method != "get" and method in item and {} in item[method]["security"]
        }
        # HSDS's lists have twins that only read.
        hsds = {name for name in open_writes if name.startswith("post /hsds/v3/")}
        assert open_writes - hsds == {
            "post /directory/v1/services/search",
            "post /directory/v1/suggestions/notes",
            "post /directory/v1/territories/resolve",
            "post /referrals/v1/card-sessions",
        }

    @pytest.mark.parametrize(
        "path", ["/directory/v1/services?limit=1", "/directory/v1/needs", "/directory/v1/programs"]
    )
    def test_any_page_may_read_the_public_directory(self, gateway: httpx.Client, path: str) -> None:
        answer = gateway.get(path, headers={"Origin": "https://anybody.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_no_page_may_read_what_needs_a_token(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        headers = {"Origin": "https://anybody.example", **as_persona("raq-worker")}
        answer = gateway.get("/referrals/v1/outbox", headers=headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers

    def test_the_identity_provider_tells_where_its_keys_are(self, stack: RunningStack) -> None:
        issuer = stack.state.identity_provider_url
        with httpx.Client(timeout=10, trust_env=False) as client:
            told = client.get(f"{issuer}/.well-known/openid-configuration").json()
            assert told["issuer"] == issuer
            assert client.get(told["jwks_uri"]).json()["keys"]

    def test_queue_depths_are_for_operators_and_hold_no_contents(
        self, gateway: httpx.Client, as_persona: Any
    ) -> None:
        for service in BEHIND:
            status = gateway.get(f"/{service}/v1/status", headers=as_persona("ops")).json()
            assert set(status) == {"service", "schema_revision", "queues"}
            for queue in status["queues"]:
                assert set(queue) == {"task", "waiting", "running", "dead"}


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    claims: dict[str, Any] = json.loads(decoded)
    return claims


class TestPersonas:
    @pytest.mark.parametrize(
        "row", PERSONA_TABLE.strip().splitlines(), ids=lambda row: row.split()[0]
    )
    def test_a_persona_is_who_the_table_says(self, stack: RunningStack, row: str) -> None:
        name, organization, tenant, function, scopes = (cell.strip() for cell in row.split("|"))
        claims = claims_of(stack.token(name))
        told = {claim: claims.get(claim) for claim in ("org", "tenant", "function", "aud")}
        assert told == {
            "org": None if organization == "-" else str(demo_organization(organization)),
            "tenant": None if tenant == "-" else tenant,
            "function": None if function == "-" else function,
            "aud": "maillage",
        }
        assert set(claims["scope"].split()) == set(scopes.split())
        assert {"iss", "exp", "iat", "jti", "sub", "client_id"} <= set(claims)
        assert (claims["sub"] == claims["client_id"]) is (name == "partner-app")

    def test_there_are_no_others(self) -> None:
        assert set(PERSONAS) == {row.split()[0] for row in PERSONA_TABLE.strip().splitlines()}

    def test_a_persona_is_in_an_organization_of_the_directory(self, gateway: httpx.Client) -> None:
        for persona in PERSONAS.values():
            if persona.organization is not None:
                path = f"/directory/v1/organizations/{persona.organization}"
                assert gateway.get(path).status_code == 200, persona.name

    def test_each_operation_is_open_to_a_persona(self, offered: list[Operation]) -> None:
        held = {scope for persona in PERSONAS.values() for scope in persona.scopes}
        held.add("referrals:subject")
        assert [one.name for one in offered if one.scopes and not one.scopes & held] == []


class TestSettings:
    @pytest.mark.parametrize("service", SERVICES)
    def test_the_readme_explains_each_setting_and_no_other(self, service: str) -> None:
        settings = import_module(f"maillage_{service}.settings").Settings
        readme = (ROOT / "services" / service / "README.md").read_text("utf-8")
        rows = "\n".join(line for line in readme.splitlines() if line.startswith("|"))
        documented = set(re.findall(rf"`({service.upper()}_[A-Z_]+)`", rows))
        assert documented == {f"{service}_{name}".upper() for name in settings.model_fields}

    @pytest.mark.parametrize("service", SERVICES)
    def test_the_environment_is_read_under_the_service_s_name(self, service: str) -> None:
        settings = import_module(f"maillage_{service}.settings").Settings
        assert settings.model_config["env_prefix"] == f"{service.upper()}_"


@dataclass(frozen=True)
class Code:
    """One class of errors, as its source defines it."""

    code: str
    status: int
    title: str
    defined_by: str


def _constants(node: ast.ClassDef) -> dict[str, Any]:
    """`status, code, title = 404, "gone", "…"` in all its spellings."""
    found: dict[str, Any] = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets: list[ast.expr] = [statement.target]
            values: list[ast.expr] = [statement.value]
        elif isinstance(statement, ast.Assign):
            (target,) = statement.targets
            both = (target, statement.value)
            in_tuple = all(isinstance(one, ast.Tuple) for one in both)
            targets, values = (one.elts if in_tuple else [one] for one in both)  # type: ignore[attr-defined]
        else:
            continue
        for name, value in zip(targets, values, strict=True):
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                found[name.id] = value.value
    return found


def codes_of(folder: Path) -> Iterator[Code]:
    """Read, not imported: the tables of two services cannot be in one process."""
    classes = {
        node.name: (path.stem, node)
        for root in (ROOT / "libs/common/src/maillage_common", folder)
        for path in sorted(root.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }

    def lineage(name: str) -> list[ast.ClassDef]:
        if name not in classes:
            return []
        node = classes[name][1]
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        return [node, *(above for base in bases for above in lineage(base))]

    for name, (module, node) in classes.items():
        line = lineage(name)
        if line[-1].name != "MaillageError" or "code" not in _constants(node):
            continue
        merged: dict[str, Any] = {}
        for one in reversed(line):
            merged |= _constants(one)
        yield Code(merged["code"], merged["status"], merged["title"], f"{module}.{name}")


@pytest.fixture(scope="session")
def codes() -> dict[str, list[Code]]:
    """Every problem code that a service can answer with, the common ones included."""
    return {
        service: list(codes_of(ROOT / f"services/{service}/src/maillage_{service}"))
        for service in SERVICES
    }


class TestProblemCodes:
    def test_one_code_is_one_fact(self, codes: dict[str, list[Code]]) -> None:
        """Across the suite too: a caller reads answers of every service through one gateway."""
        facts: dict[str, set[Code]] = defaultdict(set)
        for listed in codes.values():
            for one in listed:
                facts[one.code].add(one)
        assert {code: defined for code, defined in facts.items() if len(defined) > 1} == {}
        assert len(facts) > 80

    def test_codes_read_like_names_and_statuses_are_errors(
        self, codes: dict[str, list[Code]]
    ) -> None:
        for one in {one for listed in codes.values() for one in listed}:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", one.code), one
            # A merged record leads to the one that was kept.
            assert one.status in {308, *range(400, 500), 500, 502, 503, 504}, one
            assert one.title, one
            assert not one.title.endswith("."), one

    def test_the_gateway_s_codes_are_in_its_readme(self, codes: dict[str, list[Code]]) -> None:
        readme = (ROOT / "services" / "gateway" / "README.md").read_text("utf-8")
        common = {one.code for one in codes["directory"]}
        own = {one.code for one in codes["gateway"]} - common
        assert len(own) > 10
        assert [code for code in own if f"`{code}`" not in readme] == []
