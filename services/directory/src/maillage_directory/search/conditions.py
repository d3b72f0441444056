"""The parts of a search's SQL: each filter as a fragment with its parameters.

Fragments are fixed texts chosen by what is asked; what callers send travels as parameters only.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from maillage_directory.opening import MINUTES_A_DAY, day_facts, local_minute
from maillage_directory.search.schemas import SearchParams, Sort
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.vocabulary import Terms

_MAX_WORDS = 12
# Verified within this long counts as fresh; not at all after the second (data.inclusion's rule).
_FRESH_DAYS, _STALE_DAYS = 180, 730


@dataclass(frozen=True)
class Frozen:
    """What the first page decides for all the others, carried in the cursor.

    `resembling`: nothing held the words, so services that resemble them are given. `with_demo`:
    nothing real matched (public layer), so the demonstration's services are given.
    """

    now: datetime
    resembling: bool | None = None
    with_demo: bool | None = None


@dataclass
class Fragments:
    """SQL collected for one search; `states` maps a filter to its three-valued expression."""

    where: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    outside: str = "false"
    words: str | None = None


def fragments(params: SearchParams, layer: Layer, terms: Terms, frozen: Frozen) -> Fragments:
    """Everything `params` asks, as SQL over `service_search s`."""
    parts = Fragments(parameters={"now": frozen.now})
    condition, parameters = visible_record_sql(layer)
    parts.where += [condition, "s.status IN ('active', 'temporarily closed')"]
    parts.parameters |= parameters
    _any_of(parts, params, terms)
    _territory(parts, params, terms)
    _possible(parts, params)
    _known(parts, params)
    _place(parts, params)
    if params.q:
        _text(parts, params.q)
    return parts


def _any_of(parts: Fragments, params: SearchParams, terms: Terms) -> None:
    for column, values in (
        ("needs", params.need),
        ("access", [mode.value for mode in params.access]),
        ("programs", params.program),
    ):
        if values:
            # A service carries the ancestors of its needs: a parent matches its descendants.
            parts.where.append(f"s.{column} && CAST(:{column} AS text[])")
            parts.parameters[column] = list(values)
    if params.kind:
        parts.where.append("s.kind = ANY (CAST(:kinds AS text[]))")
        parts.parameters["kinds"] = [kind.value for kind in params.kind]
    if params.source:
        parts.where.append("s.source = ANY (CAST(:sources AS text[]))")
        parts.parameters["sources"] = list(params.source)


def _territory(parts: Fragments, params: SearchParams, terms: Terms) -> None:
    if not params.territory:
        return
    covering: set[str] = set()
    perhaps: set[str] = set()
    for code in params.territory:
        for above, is_certain in terms.territory_above.get(code, {}).items():
            (covering if is_certain else perhaps).add(above)
    certain = "(s.within && CAST(:territories AS text[]) OR s.zones && CAST(:covering AS text[]))"
    possible = (
        "(s.perhaps_within && CAST(:territories AS text[])"
        " OR s.zones && CAST(:perhaps_covering AS text[]))"
    )
    parts.outside = f"NOT ({certain} OR {possible})"
    parts.uncertain.append(f"(NOT {certain} AND {possible})")
    parts.parameters |= {
        "territories": list(params.territory),
        "covering": sorted(covering),
        "perhaps_covering": sorted(perhaps - covering),
    }


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
    if params.spoken:
        parts.states["spoken"] = (
            "CASE WHEN s.languages <> '{}' THEN s.languages && CAST(:spoken AS text[]) END"
        )
        parts.parameters["spoken"] = list(params.spoken)
    if params.open_at:
        opens = [
            _open(parts, number, parts.parameters["now"] if moment == "now" else moment)
            for number, moment in enumerate(params.open_at)
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


# `{name}` is a prefix of our own parameters' names.
_OPENING = """
EXISTS (
    SELECT FROM schedule h
    WHERE h.service_id = s.service_id
        AND h.opens_minute <= :{name}_at AND h.closes_minute > :{name}_at{holiday}
        AND (h.starts_on IS NULL OR h.starts_on <= :{name}_day)
        AND (h.ends_on IS NULL OR h.ends_on >= :{name}_day)
        AND (h.byday = '{{}}' OR h.byday && CAST(:{name}_days AS text[]))
        AND (h.bymonthday = '{{}}' OR h.bymonthday && CAST(:{name}_month_days AS text[]))
        AND (h.repeat_every = 1 OR h.phase = CASE h.freq
            WHEN 'WEEKLY' THEN (:{name}_number + h.week_shift) / 7
            ELSE CAST(:{name}_month AS int) END % h.repeat_every)
) AND NOT EXISTS (
    SELECT FROM closure x
    WHERE x.service_id = s.service_id AND :{name}_day BETWEEN x.starts_on AND x.ends_on
)"""


def _open(parts: Fragments, number: int, moment: datetime) -> str:
    """Open at `moment`: an opening of that day, or one of the eve that runs past midnight."""
    today, minute = local_minute(moment)
    ways = []
    for day, at, name in (
        (today, minute, f"open{number}_today"),
        (today - timedelta(days=1), minute + MINUTES_A_DAY, f"open{number}_eve"),
    ):
        facts = day_facts(day)
        parts.parameters |= {
            f"{name}_at": at,
            f"{name}_day": day,
            f"{name}_days": list(facts.days),
            f"{name}_month_days": list(facts.month_days),
            f"{name}_number": facts.number,
            f"{name}_month": facts.month,
        }
        holiday = " AND h.on_holidays = 'open'" if facts.is_holiday else ""
        ways.append(_OPENING.format(name=name, holiday=holiday))
    return f"({' OR '.join(f'({way})' for way in ways)})"


def _place(parts: Fragments, params: SearchParams) -> None:
    if params.point is None:
        return
    parts.parameters |= {"latitude": params.point[0], "longitude": params.point[1]}
    if params.radius_m is not None:
        # What has no place to be told (by phone, at home, confidential) stays, wherever `near` is:
        # leaving it out by distance would tell where a confidential place is not.
        parts.where.append("(away.distance_m IS NULL OR away.distance_m <= :radius_m)")
        parts.uncertain.append("(away.distance_m IS NULL AND NOT s.is_remote)")
        parts.parameters["radius_m"] = params.radius_m


def folded_words(asked: str) -> list[str]:
    """The words of a query, without accents and case, at most twelve."""
    plain = unicodedata.normalize("NFKD", asked.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain)[:_MAX_WORDS]


def _text(parts: Fragments, asked: str) -> None:
    words = folded_words(asked)
    parts.parameters |= {
        "asked": " ".join(words),
        "prefixes": " & ".join(f"{word}:*" for word in words) or "'nothing'",
    }
    parts.words = (
        "(s.document_fr @@ asked.french OR s.document_nl @@ asked.dutch"
        " OR s.document_any @@ asked.anywhere)"
    )


def relevance(params: SearchParams) -> str:
    """The score, 0 to 1: text, nearness and freshness, of those that were asked for."""
    age = "(EXTRACT(EPOCH FROM :now - s.verified_at)::float8 / 86400)"
    freshness = (
        f"COALESCE(LEAST(1, GREATEST(0, 1 - ({age} - {_FRESH_DAYS})"
        f" / {_STALE_DAYS - _FRESH_DAYS}.0)), 0)"
    )
    nearness = "COALESCE(1000.0 / (1000 + away.distance_m), 0)"
    words = "LEAST(1, found.likeness)"
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
