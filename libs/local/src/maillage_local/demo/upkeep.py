"""Who keeps the directory current: the stops of the tour at which something is written.

Each may be walked again: what it writes is written anew, and a capacity that ended is renewed.
"""

from datetime import timedelta
from typing import Any

from maillage_common import clock
from maillage_local.demo.identities import demo_service
from maillage_local.demo.narrator import Story, Told, check

V1 = "/directory/v1"
SERVICE = str(demo_service("target"))
EDITOR = "directory-editor"
TERRITORY = "21012"
_FEES = {"fr": "Gratuit sans revenu", "nl": "Gratis zonder inkomen"}


def suggestion(story: Story) -> Told:
    """Someone proposes; the desk sees it on its list, accepts it and checks the whole."""
    record = {"type": "service", "record": SERVICE}
    proposed = story.call(
        "partner-app", "POST", f"{V1}/suggestions", json={**record, "patch": {"fees": _FEES}}
    ).json()
    lines = []
    for language in ("fr", "nl"):
        due = _read(story, "worklist?kind=suggestion&limit=100", language)["items"]
        work = next((one for one in due if one["record"] == SERVICE), None)
        check(work, "the proposal is on the desk's list")
        assert work is not None
        lines.append(f"{language}  {work['kind_label']}: {work['label']}")
    decided = story.call(
        EDITOR,
        "POST",
        f"{V1}/suggestions/{proposed['id']}/decision",
        json={"decision": "accept", "reason": "Vérifié / nagekeken"},
        headers={"If-Match": "*"},
    ).json()
    check(decided["state"] == "accepted", "the desk accepts")
    story.call(EDITOR, "POST", f"{V1}/services/{SERVICE}/verifications", json={})
    read = _read(story, f"services/{SERVICE}")
    check(read["fees"] == _FEES, "what was proposed is what is read")
    check(read["verified_at"], "the record was checked")
    lines += [
        f"→ {decided['state']}: {' / '.join(_FEES.values())}",
        f"vérifié / nagekeken: {read['verified_at'][:16].replace('T', ' ')}",
    ]
    return Told("A proposal, its decision, a verification / voorstel, beslissing, nazicht", lines)


def capacity(story: Story) -> Told:
    """A report holds until its end; then nobody is told that there is room."""

    def reports(status: str, **fields: Any) -> None:
        story.call(
            "target-service",
            "POST",
            f"{V1}/services/{SERVICE}/capacity-reports",
            json={"status": status, **fields},
        )

    ends = clock.now() + timedelta(seconds=2)
    reports("waitlist", waiting_days=20, valid_until=ends.isoformat())
    before = _read(story, f"services/{SERVICE}")["capacity"]
    check(before["status"] in ("waitlist", "unknown"), "what was reported is told")

    def ended() -> Any:
        told = _read(story, f"services/{SERVICE}")["capacity"]
        return told if told["status"] == "unknown" else None

    after = story.until("the report ends", ended)
    check(after["last_known"]["status"] == "waitlist", "what was last known is still told as such")
    reports("capacity", places=4)
    renewed = _read(story, f"services/{SERVICE}")["capacity"]
    check(renewed["status"] == "capacity", "a new report counts at once")
    lines = [
        "waitlist, 20 jours / dagen",
        f"{ends:%H:%M:%S} → unknown (last known: waitlist): inconnu, jamais « de la place » /"
        " onbekend, nooit « plaats »",
        f"capacity, 4 places / plaatsen → {renewed['valid_until'][:10]}",
    ]
    return Told("A capacity report that ends / een bezettingsmelding die vervalt", lines)


def reports(story: Story) -> Told:
    """What is told in one language only, what a commune lacks, and which records may be one."""
    lines = ["parité FR-NL: champ / pariteit: veld   FR+NL · FR · NL · – (machine)"]
    for row in _read(story, "reports/parity")["items"]:
        counts = (row[name] for name in ("both", "only_fr", "only_nl", "neither"))
        shown = " · ".join(map(str, counts))
        lines.append(f"  {row['type']} {row['field']}: {shown} ({row['machine']})")
    names = {
        language: {one["code"]: one["label"] for one in _read(story, "needs", language)["items"]}
        for language in ("fr", "nl")
    }
    board = _read(story, f"reports/territories/{TERRITORY}")
    offer = [one for one in board["offer"] if one["territory"] == TERRITORY]
    check(offer, "the commune has an offer")
    lines.append(f"{TERRITORY}: offre / aanbod")
    for one in sorted(offer, key=lambda one: -one["services"])[:5]:
        both = " / ".join(names[language][one["need"]] for language in ("fr", "nl"))
        lines.append(
            f"  {both}: {one['services']} ({one['with_capacity']} avec place / met plaats)"
        )
    age = board["staleness"]
    lines += [
        f"  sans offre / zonder aanbod: {len(board['uncovered'])}",
        f"  jamais vérifiés / nooit nagekeken: {age['never_verified']} / {age['services']}",
    ]
    for pair in _read(story, "duplicates?limit=3")["items"]:
        both = " = ".join(one["label"] for one in pair["records"])
        lines.append(f"doublon ? / dubbel ? {both} ({', '.join(pair['reasons'])})")
    return Told("Parity, the dashboard of a commune, duplicates / pariteit, dashboard", lines)


UPKEEP = (suggestion, capacity, reports)


def _read(story: Story, path: str, language: str = "fr") -> dict[str, Any]:
    answer = story.call(EDITOR, "GET", f"{V1}/{path}", headers={"Accept-Language": language})
    read: dict[str, Any] = answer.json()
    return read
