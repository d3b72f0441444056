"""Which members of records and bodies name something by its code."""

from collections.abc import Iterator, Mapping
from typing import Any

from maillage_common.codes import UnknownCode
from maillage_directory.errors import (
    UnknownCommune,
    UnknownNeed,
    UnknownNetwork,
    UnknownProgram,
    UnknownTerritory,
)

_NAMED: Mapping[str, type[UnknownCode]] = {
    "need": UnknownNeed,
    "needs": UnknownNeed,
    "themes": UnknownNeed,
    "territory": UnknownTerritory,
    "action_zones": UnknownTerritory,
    "program": UnknownProgram,
    "programs": UnknownProgram,
    "network": UnknownNetwork,
}


def codes_in(record: Mapping[str, Any]) -> Iterator[tuple[type[UnknownCode], str, str]]:
    """(error, JSON pointer, code) of all that a record names. It may not be a good one: what is not
    shaped as it should names nothing."""
    for member, what in _NAMED.items():
        told = record.get(member)
        if isinstance(told, str):
            yield what, f"/{member}", told
        elif isinstance(told, list):
            for position, code in enumerate(told):
                if isinstance(code, str):
                    yield what, f"/{member}/{position}", code
    places = record.get("locations")
    for position, place in enumerate(places if isinstance(places, list) else ()):
        address = place.get("address") if isinstance(place, dict) else None
        commune = address.get("commune_nis") if isinstance(address, dict) else None
        if isinstance(commune, str):
            yield UnknownCommune, f"/locations/{position}/address/commune_nis", commune
