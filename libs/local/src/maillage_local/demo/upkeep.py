"""Who keeps the directory current: the stops of the tour at which something is written.

Each may be walked again: what it writes is written anew, and a capacity that ended is renewed.
"""

from datetime import timedelta
from typing import Any

from maillage_common import clock
from maillage_local.demo.identities import demo_organization, demo_service
from maillage_local.demo.narrator import Story, Told, check

V1 = "/directory/v1"
SERVICE = str(demo_service("target"))
EDITOR = "directory-editor"
TERRITORY = "21012"
_FEES = {"fr": "Gratuit sans revenu", "nl": "Gratis zonder inkomen"}
# The same service, as two desks would tell it.
_TWINS: tuple[tuple[dict[str, str], dict[str, Any]], ...] = (
    (
        {
            "fr": "Permanence logement du Quai (démonstration)",
            "nl": "Woonpermanentie van de Kaai (demonstratie)",
        },
        {},
    ),
    (
        {
            "fr": "Permanence logement Quai (démonstration)",
            "nl": "Woonpermanentie Kaai (demonstratie)",
        },
        {"languages": ["ar"]},
    ),
)


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


def tell_twice(story: Story) -> None:
    """One service told by two records, for `duplicates`: the job that compares takes seconds."""
    story.held["twins"] = [
        story.call(
            EDITOR,
            "POST",
            f"{V1}/services",
            json={
                "organization": str(demo_organization("basin-nord")),
                "name": name,
                "phones": ["+32454099901"],
                **more,
            },
        ).json()["id"]
        for name, more in _TWINS
    ]


def duplicates(story: Story) -> Told:
    """Found by a job, merged by the desk; the old id leads to what was kept."""
    kept, lost = story.held.pop("twins")

    def found() -> Any:
        pairs = _read(story, "duplicates?type=service&limit=100")["items"]
        both = ({one["id"] for one in pair["records"]} for pair in pairs)
        return next((p for p, ids in zip(pairs, both, strict=True) if ids == {kept, lost}), None)

    pair = story.until("the two records are found to be alike", found, seconds=150)
    path = f"{V1}/duplicates/{pair['id']}"
    lines = []
    for language in ("fr", "nl"):
        asked = story.call(EDITOR, "GET", path, headers={"Accept-Language": language})
        labels = " = ".join(one["label"] for one in asked.json()["records"])
        lines.append(f"{language}  {labels} ? ({', '.join(pair['reasons'])})")
    story.call(
        EDITOR,
        "POST",
        f"{path}/decision",
        json={"decision": "merge", "keep": kept},
        headers={"If-Match": asked.headers["ETag"]},
    )
    old = story.call(None, "GET", f"{V1}/services/{lost}", expect=308)
    check(old.headers["Location"].endswith(kept), "the old id leads to the record that was kept")
    merged = _read(story, f"services/{kept}")
    check(merged["languages"] == ["ar"], "what was kept gained what only the other one told")
    lines += [
        "fusionnés / samengevoegd → merge",
        f"308 {lost} → {kept}: l'ancien numéro répond / het oude nummer antwoordt",
    ]
    story.call(EDITOR, "DELETE", f"{V1}/services/{kept}", expect=204, headers={"If-Match": "*"})
    return Told("Duplicates, found and merged / dubbels, gevonden en samengevoegd", lines)


UPKEEP = (suggestion, capacity, reports, duplicates)


def _read(story: Story, path: str, language: str = "fr") -> dict[str, Any]:
    answer = story.call(EDITOR, "GET", f"{V1}/{path}", headers={"Accept-Language": language})
    read: dict[str, Any] = answer.json()
    return read
