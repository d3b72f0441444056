"""From a card to what one caller reads at one instant: the one place that hides members."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from maillage_directory.cards.record import SCHEDULE_MEMBERS
from maillage_directory.languages import in_language
from maillage_directory.opening import Closed, Rule, clock_text, closing_time
from maillage_directory.quality.scoring import quality_of
from maillage_directory.records.rows import DETAILS
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
_IF_THERE = (
    "age_min",
    "age_max",
    "email",
    "url",
    "network",
    "language_notes",
    *DETAILS["service"],
)
_OF_ORGANIZATION = (
    "id",
    "name",
    "description",
    "text_origins",
    "kind",
    "identifiers",
    "visibility",
)
_IF_ORGANIZATION_HAS = ("email", "url", "network", "parent", "agreed_on", *DETAILS["organization"])
_PROVENANCE = ("source", "external_id", "source_date", "licence")


@dataclass(frozen=True, slots=True)
class Hours:
    """When a service is open; `rules` with the turns of its rotas, none when it is not active."""

    rules: Sequence[Rule]
    closures: Sequence[Closed]


def render_service(row: Any, layer: Layer, *, language: str, now: datetime) -> dict[str, Any]:
    """The service of `row` (content, verified_at, version, updated_at) as JSON members.

    Shape: `cards.schemas.ServicePublic`. Members without a value are left out.
    """
    lasting = render_lasting(row, layer, language=language)
    return lasting | render_passing(row.content.get("capacity"), hours_of(row.content), now)


def render_lasting(row: Any, layer: Layer, *, language: str) -> dict[str, Any]:
    """The members that stay the same until the card changes."""
    card: Mapping[str, Any] = row.content
    answer = _members(card, _KEPT, _IF_THERE, card["organization"]["id"], layer)
    answer["label"] = in_language(card["name"], language)
    answer["schedules"] = [_schedule(schedule) for schedule in card["schedules"]]
    if row.verified_at is not None:
        answer["verified_at"] = row.verified_at.isoformat()
    if layer.is_professional:
        answer["quality"] = quality_of(card, is_verified=row.verified_at is not None)
    answer["version"] = row.version
    answer["updated_at"] = row.updated_at.isoformat()
    return answer


def render_passing(
    capacity: Mapping[str, Any] | None, hours: Hours, now: datetime
) -> dict[str, Any]:
    """The members that are as they are at `now`."""
    answer: dict[str, Any] = {"capacity": capacity_now(capacity, now)}
    closes_at = closing_time(hours.rules, hours.closures, now)
    if closes_at is not None:
        answer["open_until"] = closes_at.isoformat()
    return answer


def render_organization(row: Any, layer: Layer, *, language: str) -> dict[str, Any]:
    """The organization of `row`, as `organizations.schemas.OrganizationPublic`."""
    card: Mapping[str, Any] = row.content
    answer = _members(card, _OF_ORGANIZATION, _IF_ORGANIZATION_HAS, card["id"], layer)
    answer["label"] = in_language(card["name"], language)
    if row.verified_at is not None:
        answer["verified_at"] = row.verified_at.isoformat()
    answer["version"] = row.version
    answer["updated_at"] = row.updated_at.isoformat()
    return answer


def _members(
    card: Mapping[str, Any],
    always: tuple[str, ...],
    if_there: tuple[str, ...],
    owner: str,
    layer: Layer,
) -> dict[str, Any]:
    """What services and organizations have in common, less what `layer` may not see."""
    hidden = {
        name
        for name, seen_by in card["field_visibility"].items()
        if not may_see(seen_by, owner, layer)
    }
    answer: dict[str, Any] = {name: card[name] for name in always}
    answer |= {name: card[name] for name in if_there if name in card and name not in hidden}
    for name in ("phones", "contacts"):
        answer[name] = [
            {member: value for member, value in entry.items() if member != "visibility"}
            for entry in card[name]
            if may_see(entry["visibility"], owner, layer)
        ]
    answer["provenance"] = {name: card[name] for name in _PROVENANCE if name in card}
    return answer


def capacity_now(report: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """The capacity at `now`; after its end a report is only what was last known."""
    if report is None:
        return {"status": "unknown"}
    if datetime.fromisoformat(report["valid_until"]) <= now:
        return {"status": "unknown", "last_known": dict(report)}
    return dict(report)


def hours_of(card: Mapping[str, Any]) -> Hours:
    """The hours of a service's card, normalised."""
    if card["status"] != "active":
        return Hours((), ())
    closures = [
        Closed(date.fromisoformat(entry["from"]), date.fromisoformat(entry["to"]))
        for entry in card["closures"]
    ]
    # On duty it is open whatever its own hours; a dated closure still closes it.
    return Hours([_rule(rule) for rule in (*card["schedules"], *card.get("turns", ()))], closures)


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
    shown = {name: schedule[name] for name in SCHEDULE_MEMBERS if name in schedule}
    for name in ("byday", "bymonthday"):
        if schedule[name]:
            shown[name] = ",".join(schedule[name])
    shown["opens_at"] = clock_text(schedule["opens"])
    shown["closes_at"] = clock_text(schedule["closes"])
    shown["timezone"] = "Europe/Brussels"
    return shown


def may_see(visibility: str, owner: str, layer: Layer) -> bool:
    if visibility == "public" or layer.is_admin or str(layer.organization) == owner:
        return True
    return visibility in ("professional", "network") and layer.is_professional
