"""Records as rows: one list of column values per table."""

import hashlib
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlmodel import SQLModel

from maillage_common.schemas import Payload
from maillage_directory.models import (
    ActionZone,
    CapacityReport,
    Closure,
    Contact,
    HolidayRule,
    Location,
    Organization,
    OrganizationIdentifier,
    Phone,
    Schedule,
    Service,
    ServiceAtLocation,
    ServiceCondition,
    ServiceLanguage,
    ServiceNeed,
    ServiceProgram,
    Verification,
)
from maillage_directory.opening import covers_all_days
from maillage_directory.records.parts import CapacityEntry, LocationEntry, ScheduleEntry
from maillage_directory.records.schemas import (
    OrganizationContent,
    OrganizationRecord,
    Seen,
    ServiceContent,
    ServiceRecord,
)

Rows = dict[type[SQLModel], list[dict[str, Any]]]

# Of what is written through the API; what is loaded carries the name of its source.
OWN_SOURCE = "maillage"

# The members that no query asks about: kept together in the column `details`, those without a value
# left out.
DETAILS: dict[str, tuple[str, ...]] = {
    "organization": (
        "alternate_name",
        "easy_read",
        "additional_urls",
        "funding",
        "logo",
        "uri",
        "year_incorporated",
        "legal_status",
    ),
    "service": (
        "alternate_name",
        "easy_read",
        "additional_urls",
        "funding",
        "interpretation",
        "eligibility",
        "cost_options",
        "fees",
        "application_process",
        "required_documents",
        "accreditations",
        "alert",
        "assured_on",
        "assurer_email",
        "agreed_on",
    ),
    "location": (
        "alternate_name",
        "description",
        "transportation",
        "url",
        "external_identifier",
        "external_identifier_type",
        "accessibility",
    ),
}

# The members of a schedule that are stored as they are told.
_SCHEDULE_AS_IS = (
    "dtstart",
    "until",
    "count",
    "wkst",
    "valid_from",
    "valid_to",
    "description",
    "attending_type",
    "schedule_link",
)

# A report that does not say how long it holds is believed this long.
CAPACITY_HOLDS_FOR = timedelta(days=14)
# Clocks of other systems may run ahead a little.
CLOCK_SKEW = timedelta(minutes=5)


def digest(record: OrganizationRecord | ServiceRecord) -> str:
    """SHA-256 of the record as its source gives it."""
    return hashlib.sha256(record.model_dump_json(by_alias=True).encode()).hexdigest()


def details(content: Payload, kind: str) -> dict[str, Any]:
    """The members of `DETAILS[kind]` that have a value, in JSON."""
    told = {name for name in DETAILS[kind] if getattr(content, name)}
    if not told:
        return {}
    written = content.model_dump(mode="json", include=told, exclude_defaults=True)
    return {name: value for name, value in written.items() if value is not None}


def seen_columns(content: Seen) -> dict[str, Any]:
    return {
        "name": content.name,
        "description": content.description,
        "text_origins": {
            field: {
                language: origin.model_dump(mode="json", exclude_none=True)
                for language, origin in origins.items()
            }
            for field, origins in content.text_origins.items()
        },
        "email": content.email,
        "url": content.url,
        "visibility": content.visibility,
        "network": content.network,
        "field_visibility": dict(content.field_visibility),
    }


def provenance_columns(
    record: OrganizationRecord | ServiceRecord, source_digest: str
) -> dict[str, Any]:
    return {
        "source": record.source,
        "external_id": record.external_id,
        "source_on": record.source_date,
        "licence": record.licence,
        "source_digest": source_digest,
    }


def stored_provenance(stored: Organization | Service) -> dict[str, Any]:
    """The same of a row that is written again: a change leaves it as it was."""
    return {
        "source": stored.source,
        "external_id": stored.external_id,
        "source_on": stored.source_on,
        "licence": stored.licence,
        "source_digest": stored.source_digest,
    }


def organization_columns(content: OrganizationContent) -> dict[str, Any]:
    return {
        **seen_columns(content),
        "kind": content.kind,
        "parent_id": content.parent,
        "details": details(content, "organization"),
        "agreed_on": content.agreed_on,
    }


def service_columns(content: ServiceContent) -> dict[str, Any]:
    return {
        **seen_columns(content),
        "organization_id": content.organization,
        "status": content.status,
        "kind": content.kind,
        "access": sorted({mode.value for mode in content.access}),
        "offers_interpreter": content.interpreter,
        "age_min": content.age_min,
        "age_max": content.age_max,
        "cost": content.cost,
        "accessible": content.accessible,
        "details": details(content, "service"),
    }


def organization_parts(organization_id: UUID, content: OrganizationContent) -> Rows:
    """Rows of the tables below an organization."""
    owner = {"organization_id": organization_id, "service_id": None}
    rows = _reach(owner, content)
    rows[OrganizationIdentifier] = [
        {"organization_id": organization_id, "scheme": scheme, "identifier": identifier}
        for scheme, identifier in dict.fromkeys(
            (entry.scheme, entry.identifier) for entry in content.identifiers
        )
    ]
    return rows


def service_parts(service_id: UUID, content: ServiceContent) -> Rows:
    """Rows of the tables below a service."""
    of = {"service_id": service_id}
    rows = _reach({"organization_id": None, **of}, content)
    rows[ServiceNeed] = [{**of, "need_code": code} for code in content.needs]
    rows[ServiceProgram] = [{**of, "program_code": code} for code in content.programs]
    rows[ActionZone] = [{**of, "territory_code": code} for code in content.action_zones]
    rows[ServiceLanguage] = [
        {**of, "code": code, "note": content.language_notes.get(code, {})}
        for code in dict.fromkeys(content.languages)
    ]
    rows[ServiceCondition] = [
        {**of, "kind": kind, "state": state} for kind, state in content.conditions.items()
    ]
    rows[Closure] = [
        {
            **of,
            "starts_on": closure.starts_on,
            "ends_on": closure.ends_on,
            "reason": closure.reason,
        }
        for closure in content.closures
    ]
    rows[Schedule] = _schedules(service_id, content.schedules)
    rows[Location] = []
    rows[ServiceAtLocation] = []
    for location in content.locations:
        _add_location(rows, service_id, content.organization, location)
    return rows


def _reach(owner: dict[str, Any], content: Seen) -> Rows:
    rows: Rows = defaultdict(list)
    rows[Phone] = [
        {**owner, "position": position, **dict(phone)}
        for position, phone in enumerate(content.phones)
    ]
    rows[Contact] = [
        {**owner, "position": position, **dict(contact)}
        for position, contact in enumerate(content.contacts)
    ]
    return rows


def _schedules(service_id: UUID, entries: list[ScheduleEntry]) -> list[dict[str, Any]]:
    every_day = covers_all_days([(e.freq, e.byday, e.interval) for e in entries])
    rows = []
    for position, entry in enumerate(entries):
        rule = entry.as_rule()
        on_holidays = entry.on_holidays or (HolidayRule.OPEN if every_day else HolidayRule.CLOSED)
        rows.append(
            {
                "service_id": service_id,
                "service_at_location_id": None,
                "position": position,
                "freq": entry.freq,
                "repeat_every": rule.repeat_every,
                "byday": list(rule.byday),
                "bymonthday": list(rule.bymonthday),
                "opens_minute": rule.opens,
                "closes_minute": rule.closes,
                "starts_on": rule.starts_on,
                "ends_on": rule.ends_on,
                "week_shift": rule.week_shift,
                "phase": rule.phase,
                "on_holidays": on_holidays,
                **{name: getattr(entry, name) for name in _SCHEDULE_AS_IS},
            }
        )
    return rows


def _add_location(
    rows: Rows, service_id: UUID, organization_id: UUID, location: LocationEntry
) -> None:
    location_id = location_id_of(service_id, location)
    address = location.address
    rows[Location].append(
        {
            "id": location_id,
            "organization_id": organization_id,
            "location_type": location.location_type,
            "name": location.name,
            "street": address.street if address else {},
            "city": address.city if address else {},
            "postcode": address.postcode if address else None,
            "country": "BE",
            "commune_code": address.commune_nis if address else None,
            "latitude": location.latitude,
            "longitude": location.longitude,
            "is_confidential": location.confidential,
            "details": _location_details(location),
        }
    )
    rows[ServiceAtLocation].append(
        {
            "id": uuid5(service_id, str(location_id)),
            "service_id": service_id,
            "location_id": location_id,
            "description": location.at_location,
        }
    )


def location_id_of(service_id: UUID, location: LocationEntry) -> UUID:
    """A place without an id of its own is its service's only one."""
    return location.id or uuid5(service_id, "location")


def _location_details(location: LocationEntry) -> dict[str, Any]:
    found = details(location, "location")
    if location.address is not None:
        told = {name for name in ("attention", "street_extra") if getattr(location.address, name)}
        if told:
            found["address"] = location.address.model_dump(mode="json", include=told)
    return found


def capacity_row(service_id: UUID, entry: CapacityEntry, *, source: str) -> dict[str, Any]:
    """A capacity report whose id follows from what it says: told twice, it is kept once."""
    until = entry.valid_until or entry.observed_at + CAPACITY_HOLDS_FOR
    return {
        "id": uuid5(service_id, f"{entry.observed_at.isoformat()} {entry.status}"),
        "service_id": service_id,
        **entry.model_dump(),
        "valid_until": until,
        "source": entry.source or source,
    }


def history_rows(record: ServiceRecord) -> Rows:
    """What a record tells of the past: capacity and verification, added to and never replaced."""
    rows: Rows = {}
    if record.capacity is not None:
        rows[CapacityReport] = [capacity_row(record.id, record.capacity, source=record.source)]
    if record.verified_at is not None:
        rows[Verification] = [
            {
                "id": uuid5(record.id, f"verified {record.verified_at.isoformat()}"),
                "service_id": record.id,
                "checked_organization_id": None,
                "fields": [],
                "verified_at": record.verified_at,
                "organization_id": None,
                "source": record.source,
            }
        ]
    return rows
