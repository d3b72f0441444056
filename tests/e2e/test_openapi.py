"""Every operation of the merged document, called through the gateway with made-up requests.

Whatever comes in, nothing breaks (no 5xx), no status goes undocumented, every answer has the media
type and the shape that the document promises, and a request that the document forbids is refused.
The requests follow from a fixed seed: the same in every run.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import CheckConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from tests.e2e.bodies import CAMPAIGN, REFERRAL
from tests.e2e.running import RunningStack

from maillage_local.demo.identities import PERSONAS

ROOT = Path(__file__).parents[2]
# Operations × examples × two modes, at some 20 ms each, stays well under 90 seconds.
EXAMPLES = 4
# Metered to one request in one to five seconds: a few say as much.
METERED = {"POST /referrals/v1/card-sessions", "POST /campaigns/v1/campaigns/{campaign_id}/imports"}
EXAMPLES_WHEN_METERED = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# In this order, the first who holds a scope of the operation calls it; else the person themself.
CALLERS = ("directory-editor", "social-worker", "coordinator", "office-mc", "counsellor-mc", "ops")


def agreed_operations() -> list[tuple[str, str, tuple[str, ...]]]:
    """Method, path and scopes of every operation, from the documents that were agreed."""
    found = []
    for service in ("directory", "referrals", "campaigns"):
        snapshot = ROOT / "services" / service / "tests" / "api" / "openapi.json"
        for path, item in json.loads(snapshot.read_text("utf-8"))["paths"].items():
            for method, operation in item.items():
                scopes = [name for one in operation["security"] for name in one["bearer"]]
                if not path.startswith("/health/"):
                    found.append((method, path, tuple(scopes)))
    return found


OPERATIONS = agreed_operations()


@pytest.fixture(scope="session")
def schema(stack: RunningStack) -> Any:
    loaded = schemathesis.openapi.from_url(f"{stack.gateway_url}/openapi.json", timeout=30)
    # An address made too long (414) is refused as well as one with a wrong value (422).
    # Unknown parameters have tests of their own: a made-up one without a value is not sent at all.
    loaded.config.generation.allow_extra_parameters = False
    loaded.config.checks.negative_data_rejection = CheckConfig(expected_statuses=["4XX"])
    return loaded


class World:
    """A few things of our own that requests can name: most made-up ids only find nothing."""

    def __init__(self, gateway: httpx.Client, headers: Callable[[str], dict[str, str]]) -> None:
        self._gateway = gateway
        self._headers: dict[str, dict[str, str]] = {}
        self._sign_in = headers
        self.known = self._make()

    def headers(self, caller: str) -> dict[str, str]:
        if caller not in self._headers:
            self._headers[caller] = self._sign_in(caller)
        return self._headers[caller]

    def _make(self) -> dict[str, str]:
        subject = self._post("social-worker", "/referrals/v1/subjects", {})
        session = self._post(
            "social-worker",
            "/referrals/v1/card-sessions",
            {"secret": subject["card"]["qr_payload"]},
        )
        self._headers["person"] = {"Authorization": f"Bearer {session['access_token']}"}
        referral = self._post("social-worker", "/referrals/v1/referrals", REFERRAL)
        campaign = self._post("coordinator", "/campaigns/v1/campaigns", CAMPAIGN)
        organization = {"kind": "association", "name": {"fr": "Fictive"}, "visibility": "own"}
        offerer = self._post("directory-editor", "/directory/v1/organizations", organization)
        # Of our own too: calls that succeed change it.
        offer = {"organization": offerer["id"], "name": {"fr": "Offre"}, "visibility": "own"}
        service = self._post("directory-editor", "/directory/v1/services", offer)
        return {
            "handle": subject["handle"],
            "card_id": subject["card"]["id"],
            "referral_id": referral["id"],
            "campaign_id": campaign["id"],
            "organization_id": offerer["id"],
            "service_id": service["id"],
            "code": "1080",
        }

    def _post(self, caller: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._gateway.post(path, json=body, headers=self.headers(caller))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture(scope="session")
def world(gateway: httpx.Client, stack: RunningStack) -> World:
    return World(gateway, stack.headers)


def caller_of(scopes: tuple[str, ...]) -> str:
    if not scopes:
        return CALLERS[0]
    for name in CALLERS:
        if set(scopes) & set(PERSONAS[name].scopes):
            return name
    return "person"


def send(case: Any, headers: dict[str, str]) -> Any:
    """The answer; when the gateway's meter asks for patience, after as long as it says."""
    answer = case.call(headers=headers, timeout=30)
    if answer.status_code != 429:
        return answer
    (retry_after,) = answer.headers["retry-after"]
    assert 1 <= int(retry_after) <= 10, retry_after
    time.sleep(int(retry_after))
    return case.call(headers=headers, timeout=30)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    OPERATIONS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_answers_keep_to_the_document(
    schema: Any,
    world: World,
    method: str,
    path: str,
    scopes: tuple[str, ...],
    mode: GenerationMode,
) -> None:
    operation = schema[path][method]
    name = f"{method.upper()} {path}"
    headers = world.headers(caller_of(scopes))
    ids = {key: value for key, value in world.known.items() if f"{{{key}}}" in path}
    positive = mode is GenerationMode.POSITIVE
    checks = [*CHECKS] if positive else [*CHECKS, negative_data_rejection]

    @seed(2026)
    @settings(
        max_examples=EXAMPLES_WHEN_METERED if name in METERED else EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=ids if positive else None))
    def calls(case: Any) -> None:
        answer = send(case, headers)
        case.validate_response(answer, checks=checks, headers=headers)

    try:
        calls()
    except Unsatisfiable:
        # Without a body and with parameters that take any text, no request is forbidden.
        assert not positive
