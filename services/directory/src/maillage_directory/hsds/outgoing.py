"""From our records to HSDS objects: nested, absent members left out, ids of parts derived.

HSDS has one language a record: the one asked for, or the nearest; the profile's `texts` carries all
of them. A required HSDS text that is not known is filled from another one; what `texts` lacks is
such a filling, and reads back as absent.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from maillage_directory.languages import in_language
from maillage_directory.vocabulary import Terms

NAMESPACE = uuid5(NAMESPACE_URL, "https://maillage.brussels/hsds")
NEEDS_ID = uuid5(NAMESPACE, "taxonomy needs")
UNKNOWN_POSTCODE = "-"
REGION = "Région de Bruxelles-Capitale"
ZONE = "Europe/Brussels"

_ORGANIZATION_TEXTS = ("name", "alternate_name", "description", "easy_read")
# HSDS's member for each text of a service.
SERVICE_TEXTS = {
    "name": "name",
    "alternate_name": "alternate_name",
    "description": "description",
    "interpretation": "interpretation_services",
    "application_process": "application_process",
    "fees": "fees_description",
    "accreditations": "accreditations",
    "eligibility": "eligibility_description",
    "alert": "alert",
}
LOCATION_TEXTS = ("name", "alternate_name", "description", "transportation")
RECORD_MEMBERS = (
    "text_origins",
    "source",
    "source_date",
    "external_id",
    "licence",
    "visibility",
    "network",
    "field_visibility",
)
SERVICE_MEMBERS = (
    *RECORD_MEMBERS,
    "kind",
    "access",
    "conditions",
    "cost",
    "accessible",
    "interpreter",
    "closures",
    "programs",
    "capacity",
    "verified_at",
    "agreed_on",
)
SCHEDULE_MEMBERS = (
    "freq",
    "interval",
    "dtstart",
    "until",
    "count",
    "wkst",
    "valid_from",
    "valid_to",
    "attending_type",
    "schedule_link",
    "on_holidays",
)


def term_id(need: str) -> UUID:
    return uuid5(NAMESPACE, f"need {need}")


def program_id(code: str) -> UUID:
    return uuid5(NAMESPACE, f"program {code}")


@dataclass(frozen=True)
class Writer:
    """Writes HSDS objects in one language, with the names of the codes at hand."""

    terms: Terms
    language: str

    def organization(self, record: Mapping[str, Any], changed_at: datetime) -> dict[str, Any]:
        owner = UUID(record["id"])
        made: dict[str, Any] = {"id": record["id"]}
        self._say(made, record, {name: name for name in _ORGANIZATION_TEXTS[:3]})
        self._easy_read(made, record)
        made.setdefault("description", made["name"])
        _copy(made, record, "email", ("url", "website"), "logo", "uri", "legal_status")
        _copy(made, record, "year_incorporated", ("parent", "parent_organization_id"), "kind")
        _copy(made, record, "agreed_on", *RECORD_MEMBERS)
        for entry in record.get("identifiers", ()):
            if entry["scheme"] == "BE-KBO":
                made.setdefault("tax_id", entry["identifier"])
        self._reach(made, record, owner, "organization")
        made["organization_identifiers"] = [
            {
                "id": key,
                "organization_id": record["id"],
                "identifier_scheme": entry["scheme"],
                "identifier_type": entry["scheme"],
                "identifier": entry["identifier"],
            }
            for key, entry in _keyed(owner, "identifier", record.get("identifiers", ()))
        ]
        made["last_modified"] = changed_at.isoformat()
        return _without_empty(made)

    def service(
        self,
        record: Mapping[str, Any],
        changed_at: datetime,
        organization: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """`organization`: its HSDS object, put inside."""
        owner = UUID(record["id"])
        made: dict[str, Any] = {"id": record["id"], "organization_id": record["organization"]}
        self._say(made, record, SERVICE_TEXTS)
        self._easy_read(made, record)
        made["status"] = record["status"]
        _copy(made, record, "email", "url", ("age_min", "minimum_age"), ("age_max", "maximum_age"))
        _copy(made, record, ("assured_on", "assured_date"), "assurer_email", *SERVICE_MEMBERS)
        self._reach(made, record, owner, "service")
        of = {"service_id": record["id"]}
        made["schedules"] = [
            {"id": key, **of, **self._schedule(entry)}
            for key, entry in _keyed(owner, "schedule", record.get("schedules", ()))
        ]
        made["service_areas"] = [
            {"id": key, **of, **self._area(code)}
            for key, code in _keyed(owner, "area", record.get("action_zones", ()))
        ]
        made["service_at_locations"] = [
            self.service_at_location(record, place) for place in record.get("locations", ())
        ]
        made["languages"] = self._languages(record, owner)
        made["cost_options"] = [
            {"id": key, **of, **self._cost(entry)}
            for key, entry in _keyed(owner, "cost", record.get("cost_options", ()))
        ]
        made["required_documents"] = [
            {"id": key, **of, **self._part(entry, ("document",), ("uri",))}
            for key, entry in _keyed(owner, "document", record.get("required_documents", ()))
        ]
        made["attributes"] = [
            self._attribute(owner, "service", code) for code in record.get("needs", ())
        ]
        made["capacities"] = _capacities(owner, record.get("capacity"))
        self._program(made, record)
        if organization is not None:
            made["organization"] = dict(organization)
        made["last_modified"] = changed_at.isoformat()
        return _without_empty(made)

    def service_at_location(
        self, record: Mapping[str, Any], place: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A confidential place is named by its id alone."""
        location = UUID(place["id"])
        made: dict[str, Any] = {
            "id": str(uuid5(UUID(record["id"]), str(location))),
            "service_id": record["id"],
            "location_id": place["id"],
        }
        if place.get("at_location"):
            made["description"] = in_language(place["at_location"], self.language)
            made["texts"] = {"description": place["at_location"]}
        made["location"] = self._location(record, place)
        return made

    def _location(self, record: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
        owner = UUID(place["id"])
        made: dict[str, Any] = {
            "id": place["id"],
            "organization_id": record["organization"],
            "location_type": place.get("location_type", "physical"),
        }
        if place.get("confidential"):
            return {**made, "confidential": True}
        self._say(made, place, {name: name for name in LOCATION_TEXTS})
        _copy(made, place, "url", "latitude", "longitude")
        _copy(made, place, "external_identifier", "external_identifier_type")
        made["accessibility"] = [
            {
                "id": key,
                "location_id": place["id"],
                **self._part(entry, ("description", "details"), ("url",)),
            }
            for key, entry in _keyed(owner, "accessibility", place.get("accessibility", ()))
        ]
        address = place.get("address", {})
        _copy(made, address, "commune_nis")
        if address.get("street") or address.get("postcode"):
            made["addresses"] = [self._address(owner, place, address)]
        return _without_empty(made)

    def _address(
        self, owner: UUID, place: Mapping[str, Any], address: Mapping[str, Any]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {"id": str(uuid5(owner, "address")), "location_id": place["id"]}
        words = {"street": "address_1", "street_extra": "address_2", "city": "city"}
        self._say(made, address, words)
        made.setdefault("texts", {})
        commune = self.terms.territories.get(address.get("commune_nis", ""))
        made.setdefault("city", in_language(commune, self.language) or "Bruxelles")
        made.setdefault("address_1", made["city"])
        _copy(made, address, "attention")
        made["state_province"] = REGION
        made["postal_code"] = address.get("postcode", UNKNOWN_POSTCODE)
        made["country"] = "BE"
        made["address_type"] = place.get("location_type", "physical")
        return made

    def _say(
        self, made: dict[str, Any], record: Mapping[str, Any], words: Mapping[str, str]
    ) -> None:
        """The texts of `record` under HSDS's names, in one language and, in `texts`, in all."""
        told = {theirs: record[ours] for ours, theirs in words.items() if record.get(ours)}
        for name, texts in told.items():
            made[name] = in_language(texts, self.language)
        if told:
            made["texts"] = told

    @staticmethod
    def _easy_read(made: dict[str, Any], record: Mapping[str, Any]) -> None:
        if record.get("easy_read"):
            made["texts"] = {**made["texts"], "easy_read": record["easy_read"]}

    def _part(
        self, entry: Mapping[str, Any], words: Sequence[str], others: Iterable[Any]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self._say(made, entry, {name: name for name in words})
        _copy(made, entry, *others)
        return made

    def _reach(
        self, made: dict[str, Any], record: Mapping[str, Any], owner: UUID, kind: str
    ) -> None:
        """Phones, contacts, web addresses and funding, which both kinds of record have."""
        of = {f"{kind}_id": record["id"]}
        made["phones"] = [
            {"id": key, **of, **self._phone(entry)}
            for key, entry in _keyed(owner, "phone", record.get("phones", ()))
        ]
        made["contacts"] = [
            {"id": key, **of, **_contact(key, entry)}
            for key, entry in _keyed(owner, "contact", record.get("contacts", ()))
        ]
        member = "additional_websites" if kind == "organization" else "additional_urls"
        made[member] = [
            {"id": key, **of, **self._part(entry, ("label",), ("url",))}
            for key, entry in _keyed(owner, "url", record.get("additional_urls", ()))
        ]
        made["funding"] = [
            {"id": key, **of, **self._part({"source": words}, ("source",), ())}
            for key, words in _keyed(owner, "funding", record.get("funding", ()))
        ]

    def _phone(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        made = self._part(entry, ("description",), ("number", ("kind", "type"), "visibility"))
        if "extension" in entry:
            made["extension"] = int(entry["extension"])
            made["extension_digits"] = entry["extension"]
        return made

    def _schedule(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        made = self._part(entry, ("description",), SCHEDULE_MEMBERS)
        for name in ("byday", "bymonthday"):
            if entry.get(name):
                made[name] = ",".join(entry[name])
        # HSDS has no 24:00: closing at 00:00 is the end of the day.
        for name in ("opens_at", "closes_at"):
            made[name] = "00:00:00" if entry[name] == "24:00" else f"{entry[name]}:00"
        made["time_zone"] = ZONE
        return made

    def _area(self, code: str) -> dict[str, Any]:
        name = in_language(self.terms.territories.get(code), self.language)
        made = {"territory": code, "extent": code, "extent_type": "text"}
        return {"name": name, **made} if name else made

    def _languages(self, record: Mapping[str, Any], owner: UUID) -> list[dict[str, Any]]:
        notes = record.get("language_notes", {})
        return [
            {
                "id": str(uuid5(owner, f"language {code}")),
                "service_id": record["id"],
                "code": code,
                **self._part({"note": notes.get(code)}, ("note",), ()),
            }
            for code in record.get("languages", ())
        ]

    def _cost(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        others = ("currency", "valid_from", "valid_to")
        made = self._part(entry, ("option", "amount_description"), others)
        if "amount" in entry:
            made["amount"] = float(entry["amount"])
        return made

    def _attribute(self, owner: UUID, kind: str, code: str) -> dict[str, Any]:
        return {
            "id": str(uuid5(owner, f"need {code}")),
            "link_id": str(owner),
            "link_entity": kind,
            "taxonomy_term_id": str(term_id(code)),
            "taxonomy_term": self.term(code),
        }

    def term(self, code: str) -> dict[str, Any]:
        """A need as HSDS `taxonomy_term`."""
        name = in_language(self.terms.needs.get(code), self.language) or code
        parent = self.terms.need_parents.get(code)
        made = {
            "id": str(term_id(code)),
            "code": code,
            "name": name,
            "description": name,
            "taxonomy": "needs",
            "taxonomy_id": str(NEEDS_ID),
            "texts": {"name": dict(self.terms.needs.get(code, {}))},
        }
        return made if parent is None else {**made, "parent_id": str(term_id(parent))}

    def _program(self, made: dict[str, Any], record: Mapping[str, Any]) -> None:
        for code in record.get("programs", ())[:1]:
            name = in_language(self.terms.programs.get(code), self.language) or code
            key = str(program_id(code))
            made["program_id"] = key
            made["program"] = {"id": key, "name": name, "description": name}


def _contact(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    _copy(made, entry, "name", "title", "email", "visibility")
    if "phone" in entry:
        phone = {"id": str(uuid5(UUID(key), "phone")), "contact_id": key, "number": entry["phone"]}
        made["phones"] = [phone]
    return made


def _capacities(owner: UUID, report: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """HSDS counts places; a report without a count is told by the profile's `capacity` only."""
    if report is None or "places" not in report:
        return []
    unit = report.get("unit", "place")
    unit_id = str(uuid5(NAMESPACE, f"unit {unit}"))
    return [
        {
            "id": str(uuid5(owner, "capacity")),
            "service_id": str(owner),
            "unit": {"id": unit_id, "name": unit},
            "unit_id": unit_id,
            "available": report["places"],
            "updated": report["observed_at"],
        }
    ]


def _keyed(owner: UUID, kind: str, entries: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """Each part with an id that follows from its owner and what it says."""
    seen: dict[str, int] = {}
    for entry in entries:
        said = json.dumps(entry, sort_keys=True, ensure_ascii=False)
        seen[said] = seen.get(said, 0) + 1
        yield str(uuid5(owner, f"{kind} {said} {seen[said]}")), entry


def _copy(made: dict[str, Any], record: Mapping[str, Any], *names: str | tuple[str, str]) -> None:
    for name in names:
        ours, theirs = (name, name) if isinstance(name, str) else name
        if ours in record:
            made[theirs] = record[ours]


def _without_empty(made: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if value is not None and value != []}
