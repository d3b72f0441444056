"""A card as the record that exports write and imports read, less what the caller may not see."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from maillage_directory.cards.record import organization_record, service_record
from maillage_directory.cards.rendering import capacity_now, may_see
from maillage_directory.visibility import Layer

_PROVENANCE = ("source", "source_date", "external_id", "licence")


def exported_record(row: Any, layer: Layer, *, now: datetime) -> dict[str, Any]:
    """The record of a card (`resource_type`, `organization_id`, `content`, `verified_at`) in JSON.

    Shape: `records.schemas.Record`. Members without a value are left out. A confidential place is
    its id alone, whoever asks; a capacity report that ended is left out.
    """
    card: Mapping[str, Any] = row.content
    is_service = row.resource_type == "service"
    record: dict[str, Any] = {"type": row.resource_type, "id": card["id"]}
    record |= {name: card[name] for name in _PROVENANCE if name in card}
    if is_service:
        record |= service_record(card, ())
        record["locations"] = [_place(place) for place in card["locations"]]
        report = capacity_now(card.get("capacity"), now)
        if report["status"] != "unknown":
            record["capacity"] = report
        if row.verified_at is not None:
            record["verified_at"] = row.verified_at.isoformat()
    else:
        record |= organization_record(card)
    _hide(record, str(row.organization_id), layer)
    return {name: value for name, value in record.items() if value not in (None, [], {})}


def _hide(record: dict[str, Any], owner: str, layer: Layer) -> None:
    """Also what is hidden says nothing: of `field_visibility`, only what the caller sees."""
    hidden = {
        name
        for name, seen_by in record["field_visibility"].items()
        if not may_see(seen_by, owner, layer)
    }
    record["field_visibility"] = {
        name: seen_by for name, seen_by in record["field_visibility"].items() if name not in hidden
    }
    for name in hidden:
        record.pop(name, None)
    for name in ("phones", "contacts"):
        record[name] = [
            {member: value for member, value in entry.items() if value != {}}
            for entry in record[name]
            if may_see(entry["visibility"], owner, layer)
        ]


def _place(place: Mapping[str, Any]) -> dict[str, Any]:
    """The centre of a commune, shown to readers for want of better, is not the place's own."""
    kept = {
        name: value
        for name, value in place.items()
        if name not in ("precision", "country", "address") and value not in (None, {}, [])
    }
    if place.get("precision") == "commune":
        kept.pop("latitude", None)
        kept.pop("longitude", None)
    address = {
        name: value
        for name, value in place.get("address", {}).items()
        if name != "country" and value not in (None, {})
    }
    if address:
        kept["address"] = address
    if not kept["confidential"]:
        del kept["confidential"]
    return kept
