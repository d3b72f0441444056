"""From a card back to the record an editor changes, an export writes and an import reads."""

from collections.abc import Iterable, Mapping
from typing import Any

from maillage_directory.opening import clock_text
from maillage_directory.records.rows import DETAILS

_SHARED = (
    "name",
    "description",
    "text_origins",
    "phones",
    "contacts",
    "email",
    "url",
    "visibility",
    "network",
    "field_visibility",
)
_ORGANIZATION = (*_SHARED, *DETAILS["organization"], "kind", "identifiers", "parent", "agreed_on")
_SERVICE = (
    *_SHARED,
    *DETAILS["service"],
    "status",
    "needs",
    "languages",
    "language_notes",
    "interpreter",
    "access",
    "conditions",
    "age_min",
    "age_max",
    "cost",
    "accessible",
    "closures",
    "action_zones",
    "programs",
)
# Those of a schedule that a card has as they were told; days and times are written otherwise.
SCHEDULE_MEMBERS = (
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


def organization_record(card: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `OrganizationContent` in JSON."""
    return {name: card[name] for name in _ORGANIZATION if name in card}


def service_record(
    card: Mapping[str, Any], locations: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The members of `ServiceContent` in JSON; `locations` are the stored rows, with `at_location`,
    since a card does not tell a confidential one."""
    record: dict[str, Any] = {name: card[name] for name in _SERVICE if name in card}
    if "own_kind" in card:
        record["kind"] = card["own_kind"]
    record["organization"] = card["organization"]["id"]
    record["schedules"] = [
        {
            **{name: schedule[name] for name in SCHEDULE_MEMBERS if name in schedule},
            "byday": schedule["byday"],
            "bymonthday": schedule["bymonthday"],
            "opens_at": clock_text(schedule["opens"]),
            "closes_at": clock_text(schedule["closes"]),
        }
        for schedule in card["schedules"]
    ]
    record["locations"] = [_location(location) for location in locations]
    return record


def _location(row: Mapping[str, Any]) -> dict[str, Any]:
    details = dict(row["details"])
    more = details.pop("address", {})
    return {
        **details,
        "id": str(row["id"]),
        "location_type": row["location_type"],
        "name": row["name"],
        "address": {
            **more,
            "street": row["street"],
            "city": row["city"],
            "postcode": row["postcode"],
            "commune_nis": row["commune_code"],
        },
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "confidential": row["is_confidential"],
        "at_location": row["at_location"],
    }
