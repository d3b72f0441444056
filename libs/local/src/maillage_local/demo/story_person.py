"""The story's person with a card: opens their record to a worker, looks, excludes, withdraws."""

import time
from typing import Any

from maillage_common import clock
from maillage_local.demo.identities import demo_organization
from maillage_local.demo.narrator import Story, Told, check

CONSENT_TEXT = {"language": "ar", "version": "2026-1"}


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
    own = f"/subjects/{person['handle']}/consents"
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
