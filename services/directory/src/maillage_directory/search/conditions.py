"""The parts of a search's SQL: each filter as a fragment with its parameters.

Fragments are fixed texts chosen by what is asked; what callers send travels as parameters only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from maillage_directory.search.hours import open_sql
from maillage_directory.search.places import (
    BANDS_M,
    UNPLACED,
    cells_around,
    point_parameters,
)
from maillage_directory.search.schemas import SearchParams, Sort
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.vocabulary import Terms
from maillage_directory.words import folded_words

# Verified within this long counts as fresh; not at all after the second (data.inclusion's rule).
_FRESH_DAYS, _STALE_DAYS = 180, 730


class Way(StrEnum):
    """How a service has the words asked for; each is tried when no visible one has them by the one
    before."""

    HOLDING = "holding"
    BEGINNING = "beginning"
    RESEMBLING = "resembling"


@dataclass(frozen=True)
class Frozen:
    """What the first page decides for all the others, carried in the cursor.

    `way`: how the words are found. `with_demo`: nothing real matched (public layer), so the
    demonstration's services are given.
    """

    now: datetime
    way: Way | None = None
    with_demo: bool | None = None


@dataclass(frozen=True)
class Tier:
    """A part of the directory that holds every service of the zones up to `last_zone`.

    They are under `keys` of `places`, and under those of the cells within `metres` of the point
    asked for; `keys` None: all services.
    """

    last_zone: int
    params: SearchParams
    keys: Sequence[str] | None = None
    metres: int | None = None

    @property
    def is_everything(self) -> bool:
        return self.keys is None

    @cached_property
    def cells(self) -> dict[str, float]:
        """See `cells_around`."""
        if self.metres is None or self.params.point is None:
            return {}
        return cells_around(*self.params.point, self.metres)

    def reach(self) -> list[str]:
        """All its keys, each with the needs asked for."""
        keys = [*(self.keys or ()), *self.cells]
        if self.params.need:
            return [f"{key}|{need}" for key in keys for need in self.params.need]
        return keys


@dataclass
class Fragments:
    """SQL collected for one search over `service_search s`, with its `distance_m` and `inside`.

    `inside`: 2 where it serves a territory asked for, 1 where it may, 0 where it does not. `where`
    is what can be asked of the row alone, `then` what needs those two, as what makes a service
    `uncertain` may. `states` maps a filter to its three-valued expression. `zone` numbers how far a
    service is from what was asked, as the first part of the order; `tiers` go from the nearest to
    all.
    """

    visible: str = "true"
    where: list[str] = field(default_factory=list)
    then: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    inside: str = "2"
    zone: str = "0"
    tiers: list[Tier] = field(default_factory=list)


def fragments(params: SearchParams, layer: Layer, terms: Terms, frozen: Frozen) -> Fragments:
    """Everything `params` asks, as SQL."""
    parts = Fragments(parameters={"now": frozen.now})
    parts.visible, parameters = visible_record_sql(layer)
    parts.where += [parts.visible, "s.status IN ('active', 'temporarily closed')"]
    parts.parameters |= parameters
    _any_of(parts, params)
    territories = _territory(parts, params, terms)
    _possible(parts, params)
    _known(parts, params)
    _place(parts, params)
    _zone(parts, params, territories, terms)
    if params.q:
        _text(parts, params.q)
    return parts


def _has(column: str) -> str:
    return f"s.{column} && CAST(:{column} AS text[])"


# Left out where the keys of places say it already.
HAS_NEED = _has("needs")
# The index is not asked for what is written as `(...) IS TRUE`.
SPEAKS = "s.languages && CAST(:spoken_or_unknown AS text[])"


def _any_of(parts: Fragments, params: SearchParams) -> None:
    for column, values in (
        ("needs", params.need),
        ("access", [mode.value for mode in params.access]),
        ("programs", params.program),
    ):
        if values:
            # A service carries the ancestors of its needs: a parent matches its descendants.
            parts.where.append(_has(column))
            parts.parameters[column] = list(values)
    if params.kind:
        parts.where.append("s.kind = ANY (CAST(:kinds AS text[]))")
        parts.parameters["kinds"] = [kind.value for kind in params.kind]
    if params.source:
        parts.where.append("s.source = ANY (CAST(:sources AS text[]))")
        parts.parameters["sources"] = list(params.source)


def _territory(parts: Fragments, params: SearchParams, terms: Terms) -> list[str]:
    """The keys of `places` under which all services inside the territories are."""
    if not params.territory:
        return []
    covering: set[str] = set()
    perhaps: set[str] = set()
    for code in params.territory:
        for above, is_certain in terms.territory_above.get(code, {}).items():
            (covering if is_certain else perhaps).add(above)
    perhaps -= covering
    parts.inside = """CASE
    WHEN s.within && CAST(:territories AS text[]) OR s.zones && CAST(:covering AS text[]) THEN 2
    WHEN s.perhaps_within && CAST(:territories AS text[])
        OR s.zones && CAST(:perhaps_covering AS text[]) THEN 1
    ELSE 0 END"""
    parts.uncertain.append("s.inside = 1")
    parts.parameters |= {
        "territories": list(params.territory),
        "covering": sorted(covering),
        "perhaps_covering": sorted(perhaps),
    }
    return [*params.territory, *(f"+{code}" for code in sorted(covering | perhaps))]


def wanted_answers(params: SearchParams) -> list[str]:
    """The conditions that must all be met, by their names in `answers_yes` and `answers_no`."""
    wanted: list[str] = [
        asked.value
        for group in (params.for_gender, params.for_status, params.for_insurance)
        for asked in group
    ]
    if params.cost == "free":
        wanted.append("cost_free")
    if params.accessible:
        wanted.append("accessible")
    return wanted


def _possible(parts: Fragments, params: SearchParams) -> None:
    wanted = wanted_answers(params)
    if wanted:
        parts.where.append("NOT s.answers_no && CAST(:wanted AS text[])")
        parts.uncertain.append("NOT s.answers_yes @> CAST(:wanted AS text[])")
        parts.parameters["wanted"] = wanted
    if params.for_age:
        parts.where.append(
            "COALESCE(s.age_min, 0) <= :youngest AND COALESCE(s.age_max, 200) >= :oldest"
        )
        parts.uncertain.append("(s.age_min IS NULL AND s.age_max IS NULL)")
        parts.parameters |= {"youngest": min(params.for_age), "oldest": max(params.for_age)}


def _known(parts: Fragments, params: SearchParams) -> None:
    """Filters that leave out what is not known of a service, and count it."""
    if params.spoken:
        parts.where.append(SPEAKS)
        parts.states["spoken"] = (
            "s.languages && CAST(:spoken AS text[])"
            " OR CASE WHEN s.languages = '{?}' THEN NULL ELSE false END"
        )
        parts.parameters["spoken"] = list(params.spoken)
        parts.parameters["spoken_or_unknown"] = [*params.spoken, "?"]
    if params.open_at:
        opens = [
            open_sql(parts.parameters, number, parts.parameters["now"] if at == "now" else at)
            for number, at in enumerate(params.open_at)
        ]
        parts.states["open_at"] = (
            "CASE WHEN s.status = 'temporarily closed' THEN false"
            f" WHEN s.has_schedule THEN ({' OR '.join(opens)}) END"
        )
    if params.capacity:
        parts.states["capacity"] = (
            "CASE WHEN s.capacity_valid_until > :now"
            " THEN s.capacity_status = ANY (CAST(:capacity AS text[])) END"
        )
        parts.parameters["capacity"] = [status.value for status in params.capacity]
    if params.verified_since is not None:
        parts.states["verified_since"] = "s.verified_at >= :verified_since"
        parts.parameters["verified_since"] = params.verified_since
    if params.quality_min is not None:
        parts.states["quality_min"] = "s.quality >= CAST(:quality_min AS real)"
        parts.parameters["quality_min"] = params.quality_min


def _place(parts: Fragments, params: SearchParams) -> None:
    if params.point is None:
        return
    parts.parameters |= point_parameters(*params.point)
    if params.radius_m is not None:
        # What has no place to be told (by phone, at home, confidential) stays, wherever `near` is:
        # leaving it out by distance would tell where a confidential place is not.
        parts.then.append("(s.distance_m IS NULL OR s.distance_m <= :radius_m)")
        parts.uncertain.append("(s.distance_m IS NULL AND NOT s.is_remote)")
        parts.parameters["radius_m"] = params.radius_m


def _zone(parts: Fragments, params: SearchParams, territories: list[str], terms: Terms) -> None:
    """Inside before outside, and within each the bands of distance.

    What has no place is about any point, unless it says which territories it serves; sorted by
    distance, it comes last.
    """
    banded = params.point is not None and params.sort in (Sort.RELEVANCE, Sort.DISTANCE)
    beyond = len(BANDS_M)
    everything = Tier(2 * beyond + 1, params)
    outside = f"CASE WHEN s.inside = 0 THEN {beyond + 1} ELSE 0 END" if params.territory else "0"
    if not banded:
        parts.zone = f"({outside})"
        parts.tiers = [everything]
        if params.territory:
            parts.tiers.insert(0, Tier(beyond, params, territories))
        return
    bands = "".join(f" WHEN s.distance_m <= {metres} THEN {n}" for n, metres in enumerate(BANDS_M))
    about = []
    if params.sort is Sort.RELEVANCE:
        bands += " WHEN s.distance_m IS NULL AND s.zones = '{}' THEN 0"
        about.append(UNPLACED)
    parts.zone = f"({outside} + CASE{bands} ELSE {beyond} END)"
    # What lies in a wide territory may be far apart: there the bands are looked for alone.
    wide = any(terms.is_wide(code) for code in params.territory)
    if not wide:
        about = [*territories, *about]
    first = beyond + 1 if params.territory and not wide else 0
    parts.tiers = [
        Tier(first + number, params, about, metres) for number, metres in enumerate(BANDS_M)
    ]
    parts.tiers.append(everything)


def _text(parts: Fragments, asked: str) -> None:
    words = folded_words(asked)
    parts.parameters |= {"asked": " ".join(words), "words": words}


def relevance(params: SearchParams, likeness: str) -> str:
    """The score, 0 to 1: text, nearness and freshness, of those that were asked for."""
    # As EXTRACT would say, which makes a decimal number of it first.
    age = "(date_part('epoch', :now - s.verified_at) / 86400)"
    freshness = (
        f"COALESCE(LEAST(1, GREATEST(0, 1 - ({age} - {_FRESH_DAYS})"
        f" / {_STALE_DAYS - _FRESH_DAYS}.0)), 0)"
    )
    nearness = "COALESCE(1000.0::float8 / (1000 + s.distance_m), 0)"
    words = f"LEAST(1, {likeness})"
    if params.q and params.near:
        return f"(0.6 * {words} + 0.25 * {nearness} + 0.15 * {freshness})"
    if params.q:
        return f"(0.85 * {words} + 0.15 * {freshness})"
    if params.near:
        return f"(0.85 * {nearness} + 0.15 * {freshness})"
    return f"(0.5 + 0.5 * {freshness})"


def sort_key(sort: Sort) -> tuple[str, str]:
    """The ascending key of a sort over `candidate c`, and its SQL type."""
    return {
        Sort.RELEVANCE: ("-c.points", "int"),
        Sort.DISTANCE: ("COALESCE(c.distance_m, 2147483647)", "int"),
        Sort.NAME: ("c.sort_name", "text"),
        Sort.FRESHNESS: (
            "-COALESCE(EXTRACT(EPOCH FROM c.verified_at), 0)::bigint",
            "bigint",
        ),
    }[sort]
