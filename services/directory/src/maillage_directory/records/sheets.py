"""Records as rows of a spreadsheet, and back: our CSV and XLSX template.

One row a record, one column a member; texts have a column a language. A list is written the short
way (`fr; nl`, `MO,TU 09:00-12:00`) where that says all, else as JSON. A text that a spreadsheet
would take for a formula gets an apostrophe, which reading takes away (OWASP, CSV injection).
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from maillage_directory.opening import covers_all_days

LANGUAGES = ("fr", "nl", "en")
_TEXTS = (
    "name",
    "alternate_name",
    "description",
    "easy_read",
    "interpretation",
    "eligibility",
    "fees",
    "application_process",
    "accreditations",
    "alert",
)
_PLAIN = (
    "type",
    "id",
    "source",
    "external_id",
    "source_date",
    "licence",
    "organization",
    "organization_external_id",
    "parent",
    "parent_external_id",
    "kind",
    "status",
    "visibility",
    "network",
)
_CODES = ("needs", "languages", "access", "action_zones", "programs")
_NUMBERS = ("age_min", "age_max", "year_incorporated")
_SINGLE = (
    "cost",
    "accessible",
    "email",
    "url",
    "logo",
    "uri",
    "legal_status",
    "agreed_on",
    "assured_on",
    "assurer_email",
    "verified_at",
)
_PAIRS = ("conditions", "field_visibility")
_PLACE = ("location_id", "street_fr", "street_nl", "postcode", "city_fr", "city_nl", "commune_nis")
_POSITION = ("latitude", "longitude")
_STRUCTURED = (
    "phones",
    "contacts",
    "identifiers",
    "schedules",
    "closures",
    "additional_urls",
    "funding",
    "language_notes",
    "cost_options",
    "required_documents",
    "text_origins",
    "capacity",
    "locations",
)
COLUMNS: tuple[str, ...] = (
    *_PLAIN,
    *(f"{name}_{language}" for name in _TEXTS for language in (*LANGUAGES, "other")),
    *_CODES,
    *_SINGLE,
    *_NUMBERS,
    "interpreter",
    *_PAIRS,
    *_PLACE,
    *_POSITION,
    *_STRUCTURED,
)
_FORMULA = re.compile(r"^'*[=+\-@\t\r]")
_HOURS = re.compile(
    r"^([A-Za-z0-9,+\-]+) (\d{1,2}:\d{2})-(\d{1,2}:\d{2})$",
)
Cell = str | int | float
# What a cell of a workbook cannot hold is cut, and said to be: such a row is refused, not believed.
CUT = "…[cut: see the NDJSON export]"


class BadCell(Exception):
    """A cell that cannot be read; `code` is stable."""

    def __init__(self, code: str, column: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.column, self.detail = code, column, detail


# --- writing ------------------------------------------------------------------------------------


def as_row(record: Mapping[str, Any]) -> dict[str, Cell]:
    """The cells of a record (`records.schemas.Record` in JSON), by column; empty ones left out."""
    rest = dict(record)
    row: dict[str, Cell] = {}
    for name in _TEXTS:
        row |= _texts(name, rest.pop(name, {}))
    for name in _CODES:
        _put(row, name, "; ".join(rest.pop(name, ())))
    for name in _PAIRS:
        _put(row, name, "; ".join(f"{key}:{said}" for key, said in rest.pop(name, {}).items()))
    if "interpreter" in rest:
        row["interpreter"] = "yes" if rest.pop("interpreter") else "no"
    places = rest.pop("locations", [])
    if len(places) == 1 and (cells := _plain_place(places[0])) is not None:
        row |= cells
    elif places:
        row["locations"] = _json(places)
    for name in _STRUCTURED:
        if name in rest:
            row[name] = _SHORT.get(name, _json)(rest.pop(name))
    for name, value in rest.items():
        _put(row, name, value)
    return {name: safe_cell(cell) for name, cell in row.items()}


def safe_cell(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _put(row: dict[str, Cell], name: str, value: Any) -> None:
    if value not in ("", None):
        row[name] = value


def _texts(name: str, words: Mapping[str, str]) -> dict[str, Cell]:
    row: dict[str, Cell] = {f"{name}_{code}": words[code] for code in LANGUAGES if code in words}
    others = {code: said for code, said in words.items() if code not in LANGUAGES}
    return {**row, f"{name}_other": _json(others)} if others else row


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain_place(place: Mapping[str, Any]) -> dict[str, Cell] | None:
    """The cells of a place that they tell wholly."""
    address = place.get("address", {})
    known = {"id", "location_type", "address", *_POSITION}
    if (
        set(place) - known
        or place.get("location_type", "physical") != "physical"
        or set(address) - {"street", "city", "postcode", "commune_nis"}
        or any(set(address.get(name, {})) - {"fr", "nl"} for name in ("street", "city"))
    ):
        return None
    row: dict[str, Cell] = {"location_id": place["id"]} if "id" in place else {}
    for name in ("street", "city"):
        row |= {f"{name}_{code}": words for code, words in address.get(name, {}).items()}
    row |= {name: address[name] for name in ("postcode", "commune_nis") if name in address}
    return {**row, **{name: place[name] for name in _POSITION if name in place}}


def _short_phones(phones: list[dict[str, Any]]) -> str:
    plain = {"kind": "voice", "visibility": "public"}
    if any({**plain, **phone} != {**plain, "number": phone["number"]} for phone in phones):
        return _json(phones)
    return "; ".join(phone["number"] for phone in phones)


def _short_identifiers(identifiers: list[dict[str, Any]]) -> str:
    if any(set(":;") & set(entry["scheme"] + entry["identifier"]) for entry in identifiers):
        return _json(identifiers)
    return "; ".join(f"{entry['scheme']}:{entry['identifier']}" for entry in identifiers)


def _short_schedules(schedules: list[dict[str, Any]]) -> str:
    usual = {"freq": "WEEKLY", "interval": 1, "wkst": "MO"}
    every_day = covers_all_days(
        [(s.get("freq", "WEEKLY"), s.get("byday", []), s.get("interval", 1)) for s in schedules]
    )
    parts = []
    for schedule in schedules:
        rest = {name: said for name, said in schedule.items() if usual.get(name) != said}
        said = [rest.pop(name, None) for name in ("byday", "opens_at", "closes_at")]
        holidays = rest.pop("on_holidays", None)
        rest.pop("bymonthday", None) if not rest.get("bymonthday") else None
        if rest or not all(said) or holidays not in (None, "open" if every_day else "closed"):
            return _json(schedules)
        parts.append(f"{','.join(said[0] or ())} {said[1]}-{said[2]}")
    return "; ".join(parts)


def _short_closures(closures: list[dict[str, Any]]) -> str:
    if any(closure.get("reason") for closure in closures):
        return _json(closures)
    return "; ".join(f"{closure['from']}/{closure['to']}" for closure in closures)


def _short_urls(urls: list[dict[str, Any]]) -> str:
    if any(entry.get("label") or ";" in entry["url"] for entry in urls):
        return _json(urls)
    return "; ".join(entry["url"] for entry in urls)


_SHORT: Mapping[str, Callable[[Any], str]] = {
    "phones": _short_phones,
    "identifiers": _short_identifiers,
    "schedules": _short_schedules,
    "closures": _short_closures,
    "additional_urls": _short_urls,
}

# --- reading ------------------------------------------------------------------------------------


def as_record(cells: Mapping[str, Any]) -> tuple[dict[str, Any], list[BadCell]]:
    """The record that the cells tell, by column, and the cells that cannot be read."""
    record: dict[str, Any] = {}
    faults: list[BadCell] = []
    for column, value in cells.items():
        try:
            text = _unwrapped(column, value)
            if text:
                _read(record, column, text)
        except BadCell as fault:
            faults.append(fault)
    place = record.pop("_place", None)
    if place is not None and "locations" not in record:
        record["locations"] = [place]
    record.setdefault("type", "service")
    return record, faults


def without_apostrophe(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _unwrapped(column: str, value: Any) -> str:
    if value is None:
        return ""
    text = str(value).strip() if not isinstance(value, bool) else ("yes" if value else "no")
    if text.endswith(CUT):
        raise BadCell("cell_cut", column, "This text was cut by the export; take another format.")
    if text.startswith("'"):
        return without_apostrophe(text)
    if text.startswith(("=", "@")):
        raise BadCell("formula_cell", column, "A cell holds words, never a formula.")
    return text


def _read(record: dict[str, Any], column: str, text: str) -> None:
    base, _, language = column.rpartition("_")
    if base in _TEXTS:
        words = record.setdefault(base, {})
        words.update(_parsed(column, text) if language == "other" else {language: text})
    elif column in _PLACE or column in _POSITION:
        _read_place(record.setdefault("_place", {}), column, text)
    elif column in _CODES:
        record[column] = [part.strip() for part in re.split(r"[;,|]", text) if part.strip()]
    elif column in _PAIRS:
        pairs = [part.partition(":") for part in text.split(";") if part.strip()]
        record[column] = {key.strip(): said.strip() for key, _, said in pairs}
    elif column in _NUMBERS:
        record[column] = text.removesuffix(".0")
    elif column == "interpreter":
        record[column] = text.lower() in ("yes", "oui", "ja", "true", "1", "x")
    elif column in _STRUCTURED:
        record[column] = _structured(column, text)
    elif column in COLUMNS:
        record[column] = (
            text.removesuffix(" 00:00:00") if column.endswith(("_on", "_date")) else text
        )


def _read_place(place: dict[str, Any], column: str, text: str) -> None:
    base, _, language = column.rpartition("_")
    if column == "location_id":
        place["id"] = text
    elif base in ("street", "city"):
        place.setdefault("address", {}).setdefault(base, {})[language] = text
    elif column in _POSITION:
        # A number, so that a cell of words is told as one that is not.
        try:
            place[column] = float(text.replace(",", "."))
        except ValueError:
            raise BadCell("float_parsing", column, "Degrees, as 50.85.") from None
    else:
        place.setdefault("address", {})[column] = text.removesuffix(".0")


def _structured(column: str, text: str) -> Any:
    if text[0] in "[{":
        return _parsed(column, text)
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if column == "phones":
        return [{"number": _number(part)} for part in parts]
    if column == "identifiers":
        return [_identifier(part) for part in parts]
    if column == "schedules":
        return [_hours(part) for part in parts]
    if column == "closures":
        return [dict(zip(("from", "to"), part.split("/"), strict=False)) for part in parts]
    if column == "additional_urls":
        return [{"url": part} for part in parts]
    raise BadCell("malformed_json", column, "Write JSON here.")


def _parsed(column: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadCell("malformed_json", column, "This is not JSON.") from None


def _number(text: str) -> str:
    """As people write it: `+32 2 555 00 00`."""
    return re.sub(r"[\s./()\-]", "", text)


def _identifier(text: str) -> dict[str, str]:
    scheme, colon, identifier = text.partition(":")
    return (
        {"scheme": scheme, "identifier": identifier}
        if colon
        else {
            "scheme": "BE-KBO",
            "identifier": text,
        }
    )


def _hours(text: str) -> dict[str, Any]:
    found = _HOURS.match(text)
    if found is None:
        raise BadCell(
            "impossible_schedule", "schedules", "Write MO,TU 09:00-12:00; WE 13:00-17:00."
        )
    opens, closes = (clock.rjust(5, "0") for clock in found.group(2, 3))
    return {"byday": found[1].upper(), "opens_at": opens, "closes_at": closes}


def column_of(pointer: str) -> str:
    """The column, or the first of them, that a JSON pointer into a record is about."""
    parts = pointer.strip("/").split("/")
    if parts[0] in _TEXTS:
        return f"{parts[0]}_{parts[1] if len(parts) > 1 and parts[1] in LANGUAGES else 'fr'}"
    if parts[0] == "locations" and len(parts) > 2 and parts[-1] in (*_PLACE, *_POSITION):
        return parts[-1]
    return parts[0]
