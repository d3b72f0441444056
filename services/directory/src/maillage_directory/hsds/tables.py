"""HSDS objects as tables: from nested objects to rows of a tabular data package, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from maillage_directory.hsds.objects import OBJECTS, Object
from maillage_directory.hsds.profile import columns

# The tables that a package has. Services come first: they are the most, and flow out as they come.
TABLES: Mapping[str, Object] = {
    OBJECTS[name].table: OBJECTS[name]
    for name in (
        "service",
        "organization",
        "service_at_location",
        "location",
        "address",
        "accessibility",
        "phone",
        "contact",
        "schedule",
        "service_area",
        "language",
        "funding",
        "cost_option",
        "required_document",
        "url",
        "organization_identifier",
        "service_capacity",
        "unit",
        "attribute",
        "taxonomy_term",
        "taxonomy",
    )
}
_BY_NAME = {described.name: file for file, described in TABLES.items()}
Row = dict[str, Any]


def rows_of(name: str, item: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Every row that the nested object `item` makes, with the file it belongs to.

    What several objects share (places, units, terms) comes each time: the caller keeps one of each.
    """
    described = OBJECTS[name]
    if name in _BY_NAME:
        kept = {m.name: item[m.name] for m in columns(described) if m.name in item}
        # Programs have no table: HSDS lets each belong to one organization only.
        kept.pop("program_id", None)
        yield _BY_NAME[name], kept
    for member in described.members.values():
        inner = member.listed or member.held
        if inner is None or member.name not in item or inner not in _BY_NAME:
            continue
        held = item[member.name]
        for part in held if member.listed else [held]:
            yield from rows_of(inner, part)
