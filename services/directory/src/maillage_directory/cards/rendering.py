"""From a card of the projection to what one caller reads at one instant."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from maillage_directory.languages import in_language
from maillage_directory.opening import Closed, Rule, clock_text, closing_time
from maillage_directory.visibility import Layer

_KEPT = (
    "id",
    "organization",
    "name",
    "description",
    "text_origins",
    "status",
    "kind",
    "needs",
    "languages",
    "interpreter",
    "access",
    "conditions",
    "cost",
    "accessible",
    "closures",
    "locations",
    "action_zones",
    "programs",
    "visibility",
)
_IF_THERE = ("age_min", "age_max", "email", "url", "network")
_SCHEDULE = (
    "freq",
    "interval",
    "dtstart",
    "until",
    "count",
    "wkst",
    "valid_from",
    "valid_to",
    "on_holidays",
    "description",
    "attending_type",
    "schedule_link",
)
_PROVENANCE = ("source", "external_id", "source_date", "licence")


def render(row: Any, layer: Layer, *, language: str, now: datetime) -> dict[str, Any]:
    """The service of `row` (card, verified_at, version, updated_at) as JSON members.

    Shape: `cards.schemas.ServicePublic`. Members without a value are left out.
    """
    card: Mapping[str, Any] = row.card
    answer: dict[str, Any] = {name: card[name] for name in _KEPT}
    answer |= {name: card[name] for name in _IF_THERE if name in card}
    answer["label"] = in_language(card["name"], language)
    answer["schedules"] = [_schedule(schedule) for schedule in card["schedules"]]
    answer["phones"] = [
        phone["number"] for phone in card["phones"] if _may_see(phone["visibility"], card, layer)
    ]
    answer["contacts"] = [
        {name: value for name, value in contact.items() if name != "visibility"}
        for contact in card["contacts"]
        if _may_see(contact["visibility"], card, layer)
    ]
    answer["capacity"] = capacity_now(card.get("capacity"), now)
    closes_at = closes(card, now)
    if closes_at is not None:
        answer["open_until"] = closes_at.isoformat()
    if row.verified_at is not None:
        answer["verified_at"] = row.verified_at.isoformat()
    answer["provenance"] = {name: card[name] for name in _PROVENANCE if name in card}
    answer["version"] = row.version
    answer["updated_at"] = row.updated_at.isoformat()
    return answer


def capacity_now(report: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """The capacity at `now`; after its end a report is only what was last known."""
    if report is None:
        return {"status": "unknown"}
    if datetime.fromisoformat(report["valid_until"]) <= now:
        return {"status": "unknown", "last_known": dict(report)}
    return {name: value for name, value in report.items() if name != "source"}


def closes(card: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the service closes if it is open at `now`."""
    if card["status"] != "active":
        return None
    closures = [
        Closed(date.fromisoformat(entry["from"]), date.fromisoformat(entry["to"]))
        for entry in card["closures"]
    ]
    return closing_time(map(_rule, card["schedules"]), closures, now)


def _rule(schedule: Mapping[str, Any]) -> Rule:
    return Rule(
        monthly=schedule["freq"] == "MONTHLY",
        byday=tuple(schedule["byday"]),
        bymonthday=tuple(schedule["bymonthday"]),
        opens=schedule["opens"],
        closes=schedule["closes"],
        open_on_holidays=schedule["on_holidays"] == "open",
        repeat_every=schedule["interval"],
        week_shift=schedule["week_shift"],
        phase=schedule["phase"],
        starts_on=_day(schedule.get("starts_on")),
        ends_on=_day(schedule.get("ends_on")),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _schedule(schedule: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: schedule[name] for name in _SCHEDULE if name in schedule}
    for name in ("byday", "bymonthday"):
        if schedule[name]:
            shown[name] = ",".join(schedule[name])
    shown["opens_at"] = clock_text(schedule["opens"])
    shown["closes_at"] = clock_text(schedule["closes"])
    shown["timezone"] = "Europe/Brussels"
    return shown


def _may_see(visibility: str, card: Mapping[str, Any], layer: Layer) -> bool:
    if visibility == "public" or layer.is_admin:
        return True
    if str(layer.organization) == card["organization"]["id"]:
        return True
    return visibility in ("professional", "network") and layer.is_professional
