"""The suite's story, told to a running stack through the gateway only.

Each step does what its people do, checks what must be true, and returns what there is to tell.
`maillage demo` prints the steps and, as the eighth, the trace of the counsellor's call; the
end-to-end tests look at what they leave in `Story`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from maillage_common import clock
from maillage_local.demo.identities import demo_organization, demo_service
from maillage_local.demo.lists import story_list

PATIENCE_SECONDS = 45.0
TARGET = str(demo_service("target"))
CONSENT_TEXT = {"language": "ar", "version": "2026-1"}


class StoryFailed(AssertionError):
    """Something that must be true was not; the message says what was expected of whom."""


@dataclass
class Told:
    """One step: who acts, what happened, in lines for a person to read."""

    title: str
    lines: list[str]


@dataclass
class Story:
    """The people and what they hold: ids, a card, a lease. Filled step by step."""

    gateway_url: str
    sign_in: Callable[[str], str]
    held: dict[str, Any] = field(default_factory=dict)
    trace_id: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        who: str | None,
        method: str,
        path: str,
        *,
        expect: int | tuple[int, ...] = (200, 201, 202),
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        """One request as persona `who` (None: a stranger), which must answer as expected."""
        sent = dict(headers or {})
        if who is not None:
            if who not in self._tokens:
                self._tokens[who] = self.sign_in(who)
            token = self._tokens[who]
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = httpx.request(
            method, self.gateway_url + path, headers=sent, timeout=30, trust_env=False, **body
        )
        wanted = (expect,) if isinstance(expect, int) else expect
        if answer.status_code not in wanted:
            raise StoryFailed(
                f"{who or 'a stranger'}: {method} {path} answered {answer.status_code},"
                f" not {wanted}: {answer.text[:600]}"
            )
        return answer

    def until(self, what: str, look: Callable[[], Any]) -> Any:
        """Look again until there is something to see: jobs run a moment later."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (seen := look()):
            if time.monotonic() > give_up:
                raise StoryFailed(f"waited {PATIENCE_SECONDS:.0f} s in vain: {what}")
            time.sleep(0.2)
        return seen

    def tell(self) -> Iterator[Told]:
        """The steps, one after the other."""
        for step in STEPS:
            yield step(self)


def check(condition: object, expectation: str) -> None:
    if not condition:
        raise StoryFailed(expectation)


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
    lines = [f"{len(found)} services found, without a word about the person."]
    for item in found[:3]:
        lines.append(item["name"].get("fr") or item["name"].get("nl"))
        lines += [f"  + {reason}" for reason in item["match"]["reasons"]]
        lines += [f"  ? {doubt}" for doubt in item["match"]["uncertain"]]
    return Told(
        "A partner application looks for a service: Arabic, near, open now, no papers", lines
    )


def back_office_pushes_list(story: Story) -> Told:
    campaign = story.call("coordinator", "POST", "/campaigns/v1/campaigns", json=_campaign()).json()
    story.held["campaign"] = campaign["id"]
    base = f"/campaigns/v1/campaigns/{campaign['id']}"
    names = {"fr": "Mutualité chrétienne", "nl": "Christelijke Mutualiteit"}
    presented = {"caller_name": names, "ring_back_number": "+3225550000"}
    story.call("office-mc", "PUT", f"{base}/participation", json=presented)
    first = _push(story, "liste.csv", story_list("mc"))
    rows = story.call("office-mc", "GET", f"/campaigns/v1/imports/{first['id']}/rows?limit=100")
    issues = rows.json()["items"]
    check(first["counts"]["bad"] and issues, "the list's bad rows are reported, row by row")
    check(first["counts"]["objection"] == 1, "the row that objects is taken as an objection")
    story.held["import"] = first["id"]
    _approve(story, first["id"])
    corrected = _push(story, "liste-corrigee.csv", story_list("mc", corrected=True))
    check(corrected["counts"]["bad"] == 0, "the corrected rows are all good")
    _approve(story, corrected["id"])
    counts = first["counts"]
    lines = [
        f"{counts['good']} good rows, {counts['bad']} bad, {counts['duplicate']} repeated,"
        f" {counts['objection']} objecting; read as {first['encoding']}.",
        *(
            f"  row {issue['row']}{issue['column'] or ''}: {issue['messages']['fr']}"
            for issue in issues
            if issue["severity"] == "error"
        ),
        f"Corrected and pushed again: {corrected['counts']['new']} more people. Approved.",
    ]
    return Told("A mutuality's back office pushes its call list, corrects it and approves", lines)


def _campaign() -> dict[str, Any]:
    today = clock.now().date()
    every_day = {"days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]}
    return {
        "title": {"fr": "Dépistage (démonstration)", "nl": "Screening (demonstratie)"},
        "theme": "prevention-cancer-screening",
        "opening": {
            "fr": "Bonjour, je vous appelle de la part de votre mutualité. Vous pouvez refuser.",
            "nl": "Dag, ik bel u namens uw ziekenfonds. U mag weigeren.",
        },
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=30)).isoformat(),
        # The story is told at any hour; real campaigns keep the default windows.
        "rules": {
            "windows": [{**every_day, "opens_at": "00:00", "closes_at": "24:00"}],
            "on_public_holidays": True,
        },
    }


def _push(story: Story, name: str, content: bytes) -> dict[str, Any]:
    pushed = story.call(
        "office-mc",
        "POST",
        f"/campaigns/v1/campaigns/{story.held['campaign']}/imports",
        content=content,
        headers={
            "Content-Type": "text/csv",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    ).json()
    return _import_at(story, pushed["id"], "awaiting_approval")


def _approve(story: Story, import_id: str) -> None:
    decision = {"decision": "approve", "confirm_bad_rows": True}
    story.call("office-mc", "POST", f"/campaigns/v1/imports/{import_id}/decision", json=decision)
    _import_at(story, import_id, "done")


def _import_at(story: Story, import_id: str, stage: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        seen: dict[str, Any] = story.call(
            "office-mc", "GET", f"/campaigns/v1/imports/{import_id}"
        ).json()
        check(seen["stage"] != "failed", f"the import does not fail ({seen['failure_code']})")
        return seen if seen["stage"] == stage else None

    found: dict[str, Any] = story.until(f"the import is {stage}", look)
    return found


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


def person_opens_and_withdraws(story: Story) -> Told:
    card = _has_a_record(story)
    worker = _known_to(story, "raq-worker", {"card_secret": card["qr_payload"]})
    before = _search(story, "raq-worker", worker)
    check(before == [], "without the person's consent the worker sees nothing")
    _shows_card(story, worker, card)
    opened = _search(story, "raq-worker", worker)
    check(len(opened) == 1, "with the card the worker sees the other service's pointer")
    stranger = _known_to(story, "reception", {"card_code": card["code"]})
    check(_search(story, "reception", stranger) == [], "the printed code alone opens nothing")
    person = _opens_session(story, card)
    log = _as_person(story, person, "GET", f"/subjects/{person['handle']}/access-log?limit=100")
    denied = [one for one in log["items"] if one["decision"] == "denied"]
    check(denied, "the person sees who was denied")
    host = str(demo_organization("host-partner"))
    exclusion = {"handle": person["handle"], "organization": host}
    _as_person(story, person, "POST", "/exclusions", json=exclusion)
    check(_search(story, "raq-worker", worker) == [], "an exclusion takes effect at once")
    own = f"/consents?limit=100&handle={person['handle']}"
    consents = _as_person(story, person, "GET", own)["items"]
    for consent in consents:
        _as_person(story, person, "POST", f"/consents/{consent['id']}/withdrawal")
    lines = [
        f"Without consent: {len(before)} pointers. With the card: "
        + ", ".join(f"{one['category']} / {one['kind']} ({one['status']})" for one in opened),
        f"The person's log: {len(log['items'])} entries, {len(denied)} of them denied.",
        *(f"  {one['who']}: {one['words']}" for one in log["items"][:4]),
        f"Excludes the worker's organization and withdraws {len(consents)} consents:"
        " access ends at once.",
    ]
    return Told("A RAQ worker meets a person, who opens, looks, excludes and withdraws", lines)


def _has_a_record(story: Story) -> dict[str, str]:
    """Someone who got a card at a social service, where an entry was made with their word."""
    made = story.call("social-worker", "POST", "/referrals/v1/subjects", json={}).json()
    home = str(demo_organization("casg"))
    _consent(story, "social-worker", made["handle"], home, {"method": "oral"})
    pointer = {
        "handle": made["handle"],
        "category": "administration",
        "kind": "demarche",
        "status": "under_way",
        "from_on": clock.now().date().isoformat(),
        "locator": {"system": "demo-dossiers", "reference": f"D-{time.time_ns() % 10**9}"},
    }
    story.call("social-worker", "POST", "/referrals/v1/pointers", json=pointer)
    card: dict[str, str] = made["card"]
    return card


def _known_to(story: Story, who: str, shown: dict[str, str]) -> str:
    """The handle under which the worker's organization knows whoever shows this card."""
    resolved = story.call(who, "POST", "/referrals/v1/subjects/resolve", json=shown).json()
    return str(resolved["handle"])


def _shows_card(story: Story, handle: str, card: dict[str, str]) -> None:
    """The person agrees, by their card, and lets the worker read it: consent and care link."""
    proof = {"method": "card", "card_secret": card["qr_payload"]}
    _consent(story, "raq-worker", handle, str(demo_organization("host-partner")), proof)
    evidence = {"kind": "card_read", "card_secret": card["qr_payload"]}
    link = {"handle": handle, "evidence": evidence}
    story.call("raq-worker", "POST", "/referrals/v1/care-links", json=link)


def _consent(story: Story, who: str, handle: str, organization: str, proof: dict[str, str]) -> None:
    consent = {
        "handle": handle,
        "grantee": {"kind": "organization", "organization": organization},
        "categories": ["ordinary"],
        "purposes": ["social_support", "care"],
        "text": CONSENT_TEXT,
        "proof": proof,
    }
    story.call(who, "POST", "/referrals/v1/consents", json=consent)


def _search(story: Story, who: str, handle: str) -> list[dict[str, Any]]:
    wanted = {"handle": handle, "purpose": "social_support"}
    found = story.call(who, "POST", "/referrals/v1/pointers/search", json=wanted).json()
    items: list[dict[str, Any]] = found["items"]
    return items


def _opens_session(story: Story, card: dict[str, str]) -> dict[str, str]:
    shown = {"secret": card["qr_payload"]}
    session: dict[str, str] = story.call(
        None, "POST", "/referrals/v1/card-sessions", json=shown
    ).json()
    return session


def _as_person(
    story: Story, person: dict[str, str], method: str, path: str, **body: Any
) -> dict[str, Any]:
    token = person["access_token"]
    answer = story.call(None, method, f"/referrals/v1{path}", token=token, **body)
    content: dict[str, Any] = answer.json()
    return content


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
        all(cell["count"] is None or cell["count"] == 0 or cell["count"] >= 5 for cell in cells),
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
