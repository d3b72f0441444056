"""From a card back to the record an editor changes."""

from collections.abc import Mapping
from typing import Any

from maillage_directory.opening import clock_text

_SAME = (
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
    "age_min",
    "age_max",
    "cost",
    "accessible",
    "closures",
    "contacts",
    "email",
    "url",
    "action_zones",
    "programs",
    "visibility",
    "network",
)
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


def record_of(card: Mapping[str, Any], location: Mapping[str, Any] | None) -> dict[str, Any]:
    """The members of `ServiceContent` in JSON; `location` is the stored row, since a card does not
    tell a confidential one."""
    record: dict[str, Any] = {name: card[name] for name in _SAME if name in card}
    record["organization"] = card["organization"]["id"]
    record["phones"] = [phone["number"] for phone in card["phones"]]
    record["schedules"] = [
        {
            **{name: schedule[name] for name in _SCHEDULE if name in schedule},
            "byday": schedule["byday"],
            "bymonthday": schedule["bymonthday"],
            "opens_at": clock_text(schedule["opens"]),
            "closes_at": clock_text(schedule["closes"]),
        }
        for schedule in card["schedules"]
    ]
    if location is not None:
        record["location"] = _location(location)
    return record


def _location(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "address": {
            "street": row["street"],
            "city": row["city"],
            "postcode": row["postcode"],
            "commune_nis": row["commune_code"],
        },
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "confidential": row["is_confidential"],
    }
