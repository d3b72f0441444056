"""From HSDS objects to our records: the reverse of `outgoing`, and what others write in HSDS.

`texts` of the profile decides the words in every language. A plain member that says something else
than any of them was changed by someone who knows HSDS only: it replaces the words it was shown for.
Words without `texts` are in a language that nobody told (`und`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from maillage_directory.hsds.outgoing import (
    LOCATION_TEXTS,
    RECORD_MEMBERS,
    SCHEDULE_MEMBERS,
    SERVICE_MEMBERS,
    SERVICE_TEXTS,
)
from maillage_directory.languages import LABELS
from maillage_directory.records.identifiers import normal_kbo

Item = Mapping[str, Any]


def is_service(item: Item) -> bool:
    """HSDS asks a status of services only."""
    return "status" in item or "organization_id" in item or "organization" in item


def organization_from(item: Item) -> dict[str, Any]:
    record: dict[str, Any] = {"type": "organization", "id": item.get("id")}
    for name in ("name", "alternate_name", "easy_read"):
        _say(record, name, _words(item, name))
    _say(record, "description", _words(item, "description", may_be_filled=True))
    _copy(record, item, "email", ("website", "url"), "logo", "uri", "legal_status")
    _copy(record, item, ("parent_organization_id", "parent"), "agreed_on", *RECORD_MEMBERS)
    record["kind"] = item.get("kind", "association")
    if item.get("year_incorporated") is not None:
        record["year_incorporated"] = int(item["year_incorporated"])
    identifiers = [
        {
            "scheme": entry.get("identifier_scheme") or entry.get("identifier_type"),
            "identifier": entry.get("identifier"),
        }
        for entry in item.get("organization_identifiers", ())
    ]
    number = normal_kbo(str(item.get("tax_id") or ""))
    if not identifiers and number is not None:
        identifiers = [{"scheme": "BE-KBO", "identifier": number}]
    _say(record, "identifiers", identifiers)
    _reach(record, item, "additional_websites")
    return record


def service_from(item: Item) -> tuple[dict[str, Any], list[str]]:
    """The record, and the codes of needs that are not of our taxonomy."""
    organization = item.get("organization") or {}
    record: dict[str, Any] = {
        "type": "service",
        "id": item.get("id"),
        "organization": item.get("organization_id") or organization.get("id"),
    }
    for ours, theirs in SERVICE_TEXTS.items():
        _say(record, ours, _words(item, theirs))
    _say(record, "easy_read", _words(item, "easy_read"))
    _copy(record, item, "status", "email", "url", "assurer_email", ("assured_date", "assured_on"))
    _copy(record, item, *SERVICE_MEMBERS)
    for ours, theirs in (("age_min", "minimum_age"), ("age_max", "maximum_age")):
        if item.get(theirs) is not None:
            record[ours] = int(item[theirs])
    _reach(record, item, "additional_urls")
    _say(record, "schedules", [_schedule(entry) for entry in item.get("schedules", ())])
    zones = [area["territory"] for area in item.get("service_areas", ()) if area.get("territory")]
    _say(record, "action_zones", zones)
    spoken = [entry for entry in item.get("languages", ()) if entry.get("code")]
    _say(record, "languages", [entry["code"] for entry in spoken])
    notes = {entry["code"]: _words(entry, "note") for entry in spoken}
    _say(record, "language_notes", {code: words for code, words in notes.items() if words})
    _say(record, "cost_options", [_cost(entry) for entry in item.get("cost_options", ())])
    papers = [_part(p, ("document",), ("uri",)) for p in item.get("required_documents", ())]
    _say(record, "required_documents", papers)
    places = [_place(entry) for entry in item.get("service_at_locations", ())]
    _say(record, "locations", [place for place in places if place is not None])
    if "capacity" not in record:
        _say(record, "capacity", _capacity(item.get("capacities", ())))
    needs, strange = _needs(item.get("attributes", ()))
    _say(record, "needs", needs)
    return record, strange


def _needs(attributes: Iterable[Item]) -> tuple[list[str], list[str]]:
    needs, strange = [], []
    for attribute in attributes:
        term = attribute.get("taxonomy_term") or {}
        code = term.get("code") or attribute.get("value") or attribute.get("label")
        if term.get("taxonomy") == "needs":
            needs.append(term["code"])
        elif code:
            strange.append(str(code))
    return needs, strange


def _words(item: Item, name: str, *, may_be_filled: bool = False) -> dict[str, str]:
    plain, texts = item.get(name), item.get("texts")
    if not isinstance(texts, Mapping):
        return {"und": plain} if plain else {}
    told = dict(texts.get(name) or {})
    if not told:
        return {} if may_be_filled or not plain else {"und": plain}
    if plain and plain not in told.values():
        shown = next((code for code in LABELS if code in told), next(iter(told)))
        told[shown] = plain
    return told


def _say(record: dict[str, Any], name: str, value: Any) -> None:
    if value:
        record[name] = value


def _copy(record: dict[str, Any], item: Item, *names: str | tuple[str, str]) -> None:
    for name in names:
        theirs, ours = (name, name) if isinstance(name, str) else name
        if item.get(theirs) not in (None, ""):
            record[ours] = item[theirs]


def _part(item: Item, words: Iterable[str], others: Iterable[Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in words:
        _say(made, name, _words(item, name))
    _copy(made, item, *others)
    return made


def _reach(record: dict[str, Any], item: Item, urls: str) -> None:
    _say(record, "phones", [_phone(entry) for entry in item.get("phones", ())])
    contacts = []
    for entry in item.get("contacts", ()):
        contact = _part(entry, (), ("name", "title", "email", "visibility"))
        for phone in list(entry.get("phones", ()))[:1]:
            contact["phone"] = _dialled(phone["number"])
        contacts.append(contact)
    _say(record, "contacts", contacts)
    _say(record, "additional_urls", [_part(u, ("label",), ("url",)) for u in item.get(urls, ())])
    funding = [_words(entry, "source") for entry in item.get("funding", ())]
    _say(record, "funding", [words for words in funding if words])


def _phone(item: Item) -> dict[str, Any]:
    made = _part(item, ("description",), (("type", "kind"), "visibility"))
    made["number"] = _dialled(str(item.get("number", "")))
    extension = item.get("extension_digits") or item.get("extension")
    if extension is not None:
        made["extension"] = str(extension).removesuffix(".0")
    return made


def _dialled(number: str) -> str:
    return re.sub(r"[\s./()\-]", "", number)


def _schedule(item: Item) -> dict[str, Any]:
    made = _part(item, ("description",), SCHEDULE_MEMBERS)
    for name in ("interval", "count"):
        if name in made:
            made[name] = int(made[name])
    for name in ("byday", "bymonthday"):
        if item.get(name):
            made[name] = item[name]
    opens, closes = (str(item.get(name) or "")[:5] for name in ("opens_at", "closes_at"))
    made["opens_at"] = opens
    made["closes_at"] = "24:00" if closes == "00:00" else closes
    return made


def _cost(item: Item) -> dict[str, Any]:
    made = _part(item, ("option", "amount_description"), ("currency", "valid_from", "valid_to"))
    if item.get("amount") is not None:
        made["amount"] = f"{float(item['amount']):.2f}"
    return made


def _place(item: Item) -> dict[str, Any] | None:
    location = item.get("location")
    if location is None:
        return None
    made: dict[str, Any] = {"id": location.get("id") or item.get("location_id")}
    _copy(made, location, "location_type")
    if location.get("confidential"):
        return {"id": made["id"], "confidential": True}
    for name in LOCATION_TEXTS:
        _say(made, name, _words(location, name))
    _copy(made, location, "url", "latitude", "longitude")
    _copy(made, location, "external_identifier", "external_identifier_type")
    told = [
        _part(a, ("description", "details"), ("url",)) for a in location.get("accessibility", ())
    ]
    _say(made, "accessibility", told)
    _say(made, "at_location", _words(item, "description"))
    address: dict[str, Any] = {}
    for entry in list(location.get("addresses", ()))[:1]:
        _say(address, "street", _words(entry, "address_1", may_be_filled=True))
        _say(address, "street_extra", _words(entry, "address_2"))
        _say(address, "city", _words(entry, "city", may_be_filled=True))
        _copy(address, entry, "attention")
        if re.fullmatch(r"\d{4}", str(entry.get("postal_code"))):
            address["postcode"] = entry["postal_code"]
    _copy(address, location, "commune_nis")
    _say(made, "address", address)
    return made


def _capacity(capacities: Iterable[Item]) -> dict[str, Any] | None:
    """HSDS counts free places: none of them means no capacity."""
    for item in capacities:
        if item.get("available") is None or not item.get("updated"):
            continue
        places = int(item["available"])
        return {
            "status": "capacity" if places else "no_capacity",
            "places": places,
            "unit": (item.get("unit") or {}).get("name", "place"),
            "observed_at": item["updated"],
        }
    return None
