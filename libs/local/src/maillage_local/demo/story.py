"""The suite's story, told to a running stack through the gateway only.

Each step does what its people do, checks what must be true, and returns what there is to tell.
`maillage demo` prints the steps and, as the eighth, the trace of the counsellor's call; the
end-to-end tests look at what they leave in `Story`.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from maillage_common import clock
from maillage_local.demo.identities import demo_service
from maillage_local.demo.narrator import Story, Told, check
from maillage_local.demo.story_lists import back_office_pushes_list
from maillage_local.demo.story_person import person_opens_and_withdraws

TARGET = str(demo_service("target"))


def tell(story: Story) -> Iterator[Told]:
    """The steps, one after the other."""
    for step in STEPS:
        yield step(story)


def partner_searches(story: Story) -> Told:
    wanted = {
        "need": ["administration"],
        "spoken": ["ar"],
        "near": "50.8551,4.3410",
        "radius_m": 3000,
        "open_at": "now",
        "for_status": ["undocumented"],
    }
    found = story.call(
        "partner-app",
        "POST",
        "/directory/v1/services/search",
        json=wanted,
        headers={"Accept-Language": "fr"},
    ).json()["items"]
    service = next((item for item in found if item["id"] == TARGET), None)
    check(service, "the search finds the demo's social and health desk")
    assert service is not None
    check(service["match"]["reasons"], "the answer says why the service fits")
    lines = [f"Found, without a word about the person: {len(found)}."]
    for item in found[:3]:
        lines.append(item["name"].get("fr") or item["name"].get("nl"))
        lines += [f"  + {reason}" for reason in item["match"]["reasons"]]
        lines += [f"  ? {doubt}" for doubt in item["match"]["uncertain"]]
    return Told(
        "A partner application looks for a service: Arabic, near, open now, no papers", lines
    )


def counsellor_calls(story: Story) -> Told:
    wanted = {"campaign_id": story.held["campaign"], "languages": ["ar", "fr"]}
    lease = story.call(
        "counsellor-mc", "POST", "/campaigns/v1/leases", json=wanted, expect=201
    ).json()
    ended = clock.now()
    attempt = {
        "fencing_token": lease["fencing_token"],
        "result": "complete",
        "phone_position": lease["person"]["phones"][0]["position"],
        "started_at": (ended - timedelta(minutes=7)).isoformat(),
        "ended_at": ended.isoformat(),
        "needs": ["administration", "health-insurance"],
        "obstacles": [{"code": "digital_only", "need": "administration"}],
        "information_given": ["prevention-cancer-screening"],
        "orientation": {
            "service_id": TARGET,
            "needs": ["administration"],
            "consent": {"given": True, "language": "ar", "text_version": "2026-1"},
        },
    }
    answer = story.call(
        "counsellor-mc",
        "POST",
        f"/campaigns/v1/leases/{lease['id']}/attempts",
        json=attempt,
        headers={"Idempotency-Key": f"story-{lease['id']}"},
    )
    orientation = answer.json()["orientation"]
    check(orientation["card_code"], "the counsellor gets a code to read out to the person")
    story.held |= {"lease": lease["id"], "referral": orientation["referral_id"]}
    story.trace_id = answer.headers["x-request-id"]
    lines = [
        f"Speaks {', '.join(lease['person']['languages'])}; says first: {lease['opening']}",
        f"Result {answer.json()['attempt']['aapor_code']} (AAPOR), needs, one obstacle noted.",
        f"Oriented with consent given on the phone. Code read out: {orientation['card_code']}",
    ]
    return Told("A counsellor leases the next person, calls, notes and orients in one call", lines)


def others_see_nothing(story: Story) -> Told:
    lease, referral = story.held["lease"], story.held["referral"]
    refusals = [
        ("counsellor-solidaris", f"/campaigns/v1/leases/{lease}", 404),
        ("office-mc", f"/campaigns/v1/leases/{lease}", 403),
        ("office-solidaris", f"/campaigns/v1/imports/{story.held['import']}", 404),
        ("reception", f"/referrals/v1/referrals/{referral}", 404),
        ("psychologist", f"/referrals/v1/referrals/{referral}", 404),
        ("partner-app", f"/referrals/v1/referrals/{referral}", 403),
        (None, f"/referrals/v1/referrals/{referral}", 401),
    ]
    lines = []
    for who, path, status in refusals:
        answer = story.call(who, "GET", path, expect=status)
        lines.append(f"{who or 'a stranger'}: {status} {answer.json()['code']}")
    unknown = "/referrals/v1/referrals/01890000-0000-7000-8000-000000000000"
    absent = story.call("psychologist", "GET", unknown, expect=404).json()
    hidden = story.call(
        "psychologist", "GET", f"/referrals/v1/referrals/{referral}", expect=404
    ).json()
    check(
        {**absent, "trace_id": ""} == {**hidden, "trace_id": ""},
        "what is hidden and what is not there answer the same",
    )
    return Told("Nobody else sees it, or can tell that there is something", lines)


def receiver_answers(story: Story) -> Told:
    path = f"/referrals/v1/referrals/{story.held['referral']}"
    inbox = story.call("target-service", "GET", "/referrals/v1/inbox?limit=100").json()["items"]
    check(
        any(item["id"] == story.held["referral"] for item in inbox),
        "the referral is in the receiving service's inbox",
    )
    referral = story.call("target-service", "GET", path).json()
    code = referral["hand_over"]["card_code"]
    check(code, "the receiver knows whom to expect: the card's code")
    outcome = {"answered": "yes", "code": "demarche_done"}
    for step in ({"to": "accepted"}, {"to": "completed", "outcome": outcome}):
        referral = story.call(
            "target-service",
            "POST",
            f"{path}/transitions",
            json=step,
            headers={"If-Match": f'"{referral["version"]}"'},
        ).json()
    check(referral["closed_at"] is None, "the receiver's word alone does not close the loop")
    story.call("counsellor-mc", "POST", f"{path}/answer", json={"person_answer": "yes"})

    def look() -> object:
        seen = story.call("counsellor-mc", "GET", f"/campaigns/v1/leases/{story.held['lease']}")
        return [one for one in seen.json()["orientations"] if one["person_answer"] == "yes"]

    story.until("the counsellor sees the person's answer on the case", look)
    lines = [
        f"Expects the card {code}; accepted, then completed: {outcome['code']}.",
        "Not closed by the receiver's word. Closed by the person's answer: yes.",
        "The counsellor sees it on the case.",
    ]
    return Told("The receiving service answers; the person's answer closes the loop", lines)


def coordinator_reports(story: Story) -> Told:
    campaign = story.held["campaign"]
    wanted = {"campaign_id": campaign}
    made = story.call("coordinator", "POST", "/campaigns/v1/tables", json=wanted).json()

    def look() -> bool:
        seen = story.call("coordinator", "GET", f"/campaigns/v1/tables/{made['id']}").json()
        return seen["publication"]["published_at"] is not None

    story.until("the tables are published", look)
    report = story.call("coordinator", "GET", f"/campaigns/v1/campaigns/{campaign}/report").json()
    cells = [cell for table in report["tables"] for cell in table["cells"]]
    check(
        all(cell["count"] is None or cell["count"] >= 5 for cell in cells),
        "no cell under five is shown",
    )
    story.until("the basin sees the obstacle", lambda: _obstacles(story))
    hidden = sum(cell["is_suppressed"] for cell in cells)
    lines = [f"{len(report['tables'])} tables; {hidden} of {len(cells)} cells suppressed."]
    lines += [f"  {one['name']}: {_rate(one)}" for one in report["rates"][:4]]
    lines += [f"  {line}" for line in _obstacles(story)[:3]]
    return Told("The coordinator reads the report; the basin sees the obstacle and the gap", lines)


def _rate(rate: dict[str, Any]) -> str:
    if rate["is_suppressed"]:
        return "suppressed"
    return f"{rate['numerator']}/{rate['denominator']}" if rate["denominator"] else "undefined"


def _obstacles(story: Story) -> list[str]:
    """What the basin's worker reads of the obstacle noted in the call, and of gaps."""
    path = "/directory/v1/observations?limit=100"
    seen = story.call("cpps-worker", "GET", path).json()["items"]
    noted = [one for one in seen if one["obstacle"] == "digital_only" and one["program"] == "CeS"]
    gaps = [one for one in seen if one["kind"] == "gap"]
    if not noted:
        return []
    return [
        f"{one['kind']}: {one['obstacle'] or one['need']}, {one['territory'] or 'region'}"
        for one in [*noted[:1], *gaps]
    ]


STEPS: tuple[Callable[[Story], Told], ...] = (
    partner_searches,
    back_office_pushes_list,
    counsellor_calls,
    others_see_nothing,
    receiver_answers,
    person_opens_and_withdraws,
    coordinator_reports,
)
