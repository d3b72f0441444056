"""The story's back office: a campaign, a call list pushed, corrected and approved."""

from datetime import timedelta
from typing import Any

from maillage_common import clock
from maillage_local.demo.lists import story_list
from maillage_local.demo.narrator import Story, Told, check


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
