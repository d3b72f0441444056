"""What demo organizations do: fields of work, and the services usual in each.

The proportions (`fields.csv`, `offers.csv`) follow the region's field as workers describe it:
social services and health centres first, long queues for mental health, housing and foreigners'
law, many small initiatives without a shop front.
"""

from dataclasses import dataclass
from functools import cache
from typing import cast

from maillage_local.demo import hours
from maillage_local.demo.hours import Pattern
from maillage_local.demo.records import Texts, Visibility
from maillage_local.demo.tables import load_rows

PATTERNS: dict[str, Pattern] = {
    pattern.__name__: pattern
    for pattern in (
        hours.always,
        hours.office,
        hours.long_days,
        hours.mornings,
        hours.afternoons,
        hours.evening,
        hours.saturday,
        hours.noon,
        hours.night,
        hours.winter_night,
        hours.rounds,
        hours.monthly,
        hours.unstated,
    )
}


@dataclass(frozen=True)
class Offer:
    """One kind of service.

    `free` is the percentage of them that cost nothing, `full` the percentage of capacity reports
    that say no one more can be taken; `welcomes` and `refuses` name conditions. `about` says it in
    everyday words, those people search with.
    """

    fr: str
    nl: str
    en: str
    about: Texts
    needs: tuple[str, ...]
    opening: tuple[Pattern, ...]
    access: tuple[str, ...]
    free: int
    full: int
    welcomes: tuple[str, ...]
    refuses: tuple[str, ...]
    age_min: int | None
    age_max: int | None
    confidential: bool


@dataclass(frozen=True)
class Field:
    """A field of work: how many organizations, what they are called, what they offer."""

    code: str
    organizations: int
    kind: str
    fr: str
    nl: str
    visibility: Visibility
    offers: tuple[Offer, ...]


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(";")) if cell else ()


def _offer(row: dict[str, str]) -> Offer:
    return Offer(
        fr=row["name_fr"],
        nl=row["name_nl"],
        en=row["name_en"],
        about={"fr": row["about_fr"], "nl": row["about_nl"], "en": f"{row['name_en']}."},
        needs=_words(row["needs"]),
        opening=tuple(PATTERNS[name] for name in _words(row["opening"])),
        access=_words(row["access"]),
        free=int(row["free_percent"]),
        full=int(row["full_percent"]),
        welcomes=_words(row["welcomes"]),
        refuses=_words(row["refuses"]),
        age_min=int(row["age_min"]) if row["age_min"] else None,
        age_max=int(row["age_max"]) if row["age_max"] else None,
        confidential=row["confidential"] == "true",
    )


@cache
def load_fields() -> tuple[Field, ...]:
    """The fields in the order of their file, each with its offers."""
    offers: dict[str, list[Offer]] = {}
    for row in load_rows("offers.csv"):
        offers.setdefault(row["field"], []).append(_offer(row))
    return tuple(
        Field(
            code=row["field"],
            organizations=int(row["organizations"]),
            kind=row["kind"],
            fr=row["name_fr"],
            nl=row["name_nl"],
            visibility=cast(Visibility, row["visibility"]),
            offers=tuple(offers[row["field"]]),
        )
        for row in load_rows("fields.csv")
    )


@cache
def load_names() -> tuple[tuple[str, str], ...]:
    """Made-up second halves of names: ("du Héron", "De Reiger")."""
    return tuple((row["of_fr"], row["of_nl"]) for row in load_rows("names.csv"))
