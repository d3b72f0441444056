"""A need is one of the directory's, whichever service it is sent to."""

import json

import httpx
import pytest
from tests.e2e.bodies import REFERRAL
from tests.e2e.running import HeardStory

WRONG = "housing-emergancy"


def refused(answer: httpx.Response) -> dict[str, object]:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "unknown_need")
    assert WRONG not in answer.text
    return {**problem, "trace_id": "", "errors": [problem["errors"][0] | {"pointer": ""}]}


@pytest.fixture
def by_referrals(told: HeardStory) -> httpx.Response:
    body = {**REFERRAL, "needs": ["administration", WRONG]}
    return told.call("social-worker", "POST", "/referrals/v1/referrals", json=body, expect=422)


@pytest.fixture
def by_campaigns(told: HeardStory) -> httpx.Response:
    wanted = {"campaign_id": told.held["campaign"], "languages": ["ar", "fr", "nl"]}
    lease = told.call("counsellor-mc", "POST", "/campaigns/v1/leases", json=wanted).json()
    path = f"/campaigns/v1/leases/{lease['id']}"
    first = next(a for a in told.answers if a.request.url.path.endswith("/attempts"))
    body = json.loads(first.request.content) | {
        "fencing_token": lease["fencing_token"],
        "phone_position": lease["person"]["phones"][0]["position"],
        "needs": ["administration", WRONG],
    }
    answer = told.call("counsellor-mc", "POST", f"{path}/attempts", json=body, expect=422)
    token = {"fencing_token": lease["fencing_token"]}
    told.call("counsellor-mc", "POST", f"{path}/release", json=token)
    return answer


def test_an_unknown_need_is_refused_by_every_service_alike(
    told: HeardStory, by_referrals: httpx.Response, by_campaigns: httpx.Response
) -> None:
    search = {"need": [WRONG]}
    path = "/directory/v1/services/search"
    by_directory = refused(told.call("partner-app", "POST", path, json=search, expect=422))
    assert "housing-emergency" in by_directory["suggestions"]  # type: ignore[operator]
    assert refused(by_referrals)["suggestions"] == by_directory["suggestions"]
    assert refused(by_referrals) == refused(by_campaigns)
    assert by_referrals.json()["errors"][0]["pointer"] == "/needs/1"
    assert by_campaigns.json()["errors"][0]["pointer"] == "/needs/1"
