"""Reading JSON documents item by item: GeoJSON, HSDS pages, lines of HSDS objects."""

import codecs
import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from maillage_common.canonical import DuplicateName, unique_members
from maillage_directory.hsds.incoming import is_service, organization_from, service_from
from maillage_directory.imports.unpacking import UnreadableFile
from maillage_directory.loading.outcome import Raw, Rejected
from maillage_directory.loading.service import MAX_LINE_BYTES, read_object
from maillage_directory.records.sheets import COLUMNS, as_record

_CHUNK = 1 << 16
_LISTS = frozenset({"contents", "features", "services", "organizations"})
_BLANK = " \t\r\n"


def items_of(file: IO[bytes]) -> Iterator[Any]:
    """The items of a JSON array, or of the list in an object that holds one; else the object.

    Only one item is in memory. Raises UnreadableFile when it is not JSON.
    """
    file.seek(0)
    text = _Text(file)
    if text.peek() == "[":
        yield from text.array()
        return
    if text.peek() != "{":
        raise UnreadableFile("malformed_json")
    others: dict[str, Any] = {}
    lists: set[str] = set()
    for name in text.members():
        if name in others or name in lists:
            raise UnreadableFile("duplicate_member")
        if name in _LISTS and text.peek() == "[":
            lists.add(name)
            yield from text.array()
        else:
            others[name] = text.value()
    if not lists:
        yield others


class _Text:
    """JSON text that is read on as needed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._held = ""
        self._json = json.JSONDecoder(object_pairs_hook=unique_members)

    def _more(self) -> bool:
        data = self._file.read(_CHUNK)
        try:
            self._held += self._decode.decode(data, not data)
        except UnicodeDecodeError as error:
            raise UnreadableFile("malformed_json") from error
        return bool(data)

    def peek(self) -> str:
        while True:
            self._held = self._held.lstrip(_BLANK)
            if self._held:
                return self._held[0]
            if not self._more():
                raise UnreadableFile("malformed_json")

    def take(self, expected: str) -> str:
        letter = self.peek()
        if letter not in expected:
            raise UnreadableFile("malformed_json")
        self._held = self._held[1:]
        return letter

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._held)
            except DuplicateName as error:
                raise UnreadableFile("duplicate_member") from error
            except (ValueError, RecursionError) as error:
                if len(self._held) > MAX_LINE_BYTES or not self._more():
                    raise UnreadableFile("malformed_json") from error
                continue
            # A number may go on in what was not read yet.
            if end == len(self._held) and self._more():
                continue
            self._held = self._held[end:]
            return value

    def array(self) -> Iterator[Any]:
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield self.value()
            if self.take(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            name = self.value()
            self.take(":")
            yield str(name)
            if self.take(",}") == "}":
                return


def read_geojson(file: IO[bytes]) -> Iterator[Raw]:
    """Features whose properties are a record, or cells of the template; a point is its place."""
    for number, feature in enumerate(items_of(file), start=1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            yield number, Rejected(number, "not_a_feature", "", "A GeoJSON feature has properties.")
            continue
        record, faults = _properties(number, feature)
        if faults:
            yield from ((number, fault) for fault in faults)
            continue
        yield number, record


def _properties(number: int, feature: dict[str, Any]) -> tuple[dict[str, Any], list[Rejected]]:
    properties = feature["properties"]
    faults: list[Rejected] = []
    if isinstance(properties.get("name"), dict):
        record = dict(properties)
        record.setdefault("type", "service")
    else:
        record, bad = as_record({n: v for n, v in properties.items() if n in COLUMNS})
        faults = [Rejected(number, cell.code, cell.column, cell.detail) for cell in bad]
    if "id" in feature:
        record.setdefault("id", feature["id"])
    geometry = feature.get("geometry")
    if geometry is not None and not record.get("locations"):
        point = _point(geometry)
        if point is None:
            detail = "A service is placed by a point; areas it serves are action_zones."
            faults.append(Rejected(number, "invalid_geometry", "/geometry", detail))
        else:
            record["locations"] = [{"longitude": point[0], "latitude": point[1]}]
    return record, faults


def _point(geometry: Any) -> tuple[float, float] | None:
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return None
    match geometry.get("coordinates"):
        case [int() | float() as longitude, int() | float() as latitude, *_]:
            return float(longitude), float(latitude)
    return None


def read_hsds_items(file: IO[bytes], needs: Callable[[str], bool]) -> Iterator[Raw]:
    """HSDS objects: an API page, an array, one object, or an object a line."""
    seen: set[str] = set()
    for number, item in _hsds_items(file):
        if isinstance(item, Rejected):
            yield number, item
        elif not isinstance(item, dict):
            yield number, Rejected(number, "malformed_json", "", "Not an HSDS object.")
        else:
            yield from hsds_records(number, item, seen, needs)


def _hsds_items(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    if not _is_lines(file):
        yield from enumerate(items_of(file), start=1)
        return
    file.seek(0)
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        yield number, read_object(number, line)


def _is_lines(file: IO[bytes]) -> bool:
    file.seek(0)
    try:
        first = json.loads(file.readline(MAX_LINE_BYTES))
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and not _LISTS & set(first) - {"services"}


def hsds_records(
    number: int, item: dict[str, Any], seen: set[str], needs: Callable[[str], bool]
) -> Iterator[Raw]:
    """The record of an HSDS object, and before it that of the organization inside it."""
    try:
        if not is_service(item):
            yield number, organization_from(item)
            return
        organization = item.get("organization")
        if isinstance(organization, dict) and organization.get("id") not in seen:
            seen.add(str(organization.get("id")))
            yield number, organization_from(organization)
        record, strange = service_from(item)
        record["needs"] = [*record.get("needs", ()), *(code for code in strange if needs(code))]
        for code in strange:
            if not needs(code):
                detail = "No need has this code; the service is kept without it."
                yield (
                    number,
                    Rejected(number, "unknown_need", "/attributes", detail, (), "warning"),
                )
        yield number, record
    except (AttributeError, KeyError, TypeError, ValueError):
        yield number, Rejected(number, "not_hsds", "", "This is not shaped as HSDS says.")
