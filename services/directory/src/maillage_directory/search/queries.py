"""The search as one statement: candidates, what is unknown of them, ranking and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maillage_common.reading import Reads
from maillage_directory.search.conditions import (
    HAS_NEED,
    SPEAKS,
    Fragments,
    Frozen,
    Tier,
    Way,
    fragments,
    relevance,
    sort_key,
)
from maillage_directory.search.estimates import Look, Outlook
from maillage_directory.search.facets import FACETS
from maillage_directory.search.places import DISTANCE
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Terms

_WORDS = """asked AS MATERIALIZED (
    SELECT q.holds, q.rest, q.ranks
    FROM public.directory_query(
        CAST(:words AS text[]), CAST(:starts AS boolean), CAST(:later AS text[])) q
), """
_HOLDS = "s.document @@ (SELECT holds FROM asked)"
# Not for the index, which would walk all that have these words.
_REST = "(s.document @@ (SELECT rest FROM asked)) IS NOT FALSE"
# A stem in a name weighs 0.6 in ts_rank, and counts for one of about three forms asked for.
_RANK = "1.5 * ts_rank(s.document, (SELECT ranks FROM asked))"
# Whether any visible service has the words this way, looked up when none of them fits.
_HELD = """(
    (SELECT count(*) FROM candidate) > 0
    OR EXISTS (SELECT FROM service_search s WHERE {visible} AND {words})
)"""

# `OFFSET 0` keeps the planner from writing the same expression out wherever it is used. What is not
# known to fit is counted, and needs no rank.
_CANDIDATES = """
    SELECT s.service_id, s.is_demo, s.sort_name, s.verified_at, s.distance_m,
        s.inside = 0 AS outside, {zone} AS zone,
        COALESCE(s.capacity_status IN ('no_capacity', 'waitlist')
            AND s.capacity_valid_until > :now, false) AS is_saturated,
        ({uncertain})::int AS uncertain,
        CASE WHEN {known} THEN floor({relevance} * 1000000)::int END AS points{kept}
    FROM (
        SELECT s.*, {distance} AS distance_m, {inside} AS inside
        FROM (
            SELECT s.*{likeness}{states}{counted}
            FROM {source}
            WHERE {where}
            OFFSET 0
        ) s
        WHERE {possible}
        OFFSET 0
    ) s
    WHERE {then}"""

_SEARCH = """
WITH {first}candidate AS MATERIALIZED ({candidates}
), verdict AS MATERIALIZED (
    SELECT {with_demo} AS with_demo FROM candidate c
), kept AS NOT MATERIALIZED (
    SELECT c.*, {key} AS key, ({late})::int AS late
    FROM candidate c
    WHERE ((SELECT with_demo FROM verdict) OR NOT c.is_demo) AND {certain}
), tally AS (
    SELECT count(*) FILTER (WHERE {all_known}) AS total{unknowns} FROM kept c
), page AS (
    SELECT * FROM kept c
    WHERE {all_known}{after}
    ORDER BY c.zone, c.late, c.uncertain, c.key, c.service_id
    LIMIT :row_count
)
SELECT v.with_demo, {held} AS is_held, {resembling} AS resembling,
    {facets} AS facets, t.*,
    p.service_id, p.distance_m, p.outside, p.zone, p.late, p.is_saturated, p.uncertain,
    p.points, p.key, {alternatives} AS alternatives,
    r.organization_id, r.changed_at
FROM verdict v
CROSS JOIN tally t
LEFT JOIN page p ON true
LEFT JOIN card r ON r.resource_id = p.service_id
ORDER BY p.zone, p.late, p.uncertain, p.key, p.service_id
"""
# Up to three services with room for the same needs in the same cells or zones, of the first forty
# the nearest first. A confidential place is in no cell, and near nothing.
_ALTERNATIVES = """CASE WHEN p.is_saturated THEN ARRAY(
        SELECT s.service_id
        FROM service_search f
        CROSS JOIN LATERAL (
            SELECT s.service_id, s.latitudes[1] AS latitude, s.longitudes[1] AS longitude,
                COALESCE(s.capacity_status = 'capacity' AND s.capacity_valid_until > :now, false)
                AS has_room
            FROM service_search s
            WHERE s.places && ARRAY(
                    SELECT place || '|' || n.need_code
                    FROM unnest(f.places) AS place, service_need n
                    WHERE n.service_id = f.service_id AND place ~ '^[@+][^|]*$'
                )
                AND {visible} AND s.status = 'active'
                AND s.service_id <> f.service_id AND s.is_demo = f.is_demo
                AND (s.capacity_status IS NULL OR s.capacity_valid_until <= :now
                    OR s.capacity_status NOT IN ('no_capacity', 'waitlist'))
            LIMIT 40
        ) s
        WHERE f.service_id = p.service_id
        ORDER BY s.has_room DESC,
            (s.latitude - f.latitudes[1]) ^ 2 + ((s.longitude - f.longitudes[1]) * 0.63) ^ 2,
            s.service_id
        LIMIT 3
    ) END"""
_FACET = """'{facet}', (
    SELECT COALESCE(jsonb_object_agg(f.code, f.services), '{{}}') FROM (
        SELECT v.code, count(*) AS services
        FROM kept c CROSS JOIN LATERAL unnest(c.of_{facet}) AS v(code)
        WHERE {all_known}
        GROUP BY v.code
    ) f
)"""


@dataclass(frozen=True)
class Reading:
    """For whom, in which vocabulary and from where on a search is answered.

    `after`: the key of the last row seen, (zone, late, uncertain, key, service_id).
    """

    layer: Layer
    terms: Terms
    frozen: Frozen
    after: Sequence[Any] | None = None


@dataclass(frozen=True)
class Found:
    """The rows of a page and one more; at least one row, with the counts, even when none fits.

    `way`: how the words were found. `is_exact`: everything was looked at, so the counts are whole.
    """

    rows: list[Any]
    way: Way | None
    is_exact: bool


async def list_found(reads: Reads, params: SearchParams, reading: Reading) -> Found:
    """One statement; in a large directory one for each tier, until the page is full."""
    parts = fragments(params, reading.layer, reading.terms, reading.frozen)
    ways: Sequence[Way | None] = [None]
    if params.q:
        ways = [reading.frozen.way] if reading.frozen.way else list(Way)
    outlook = None
    if reading.terms.is_large:
        outlook = Outlook(params, reading.terms, reading.frozen.now)
    for way in ways:
        tiers = _tiers(parts, params, reading, way, outlook)
        while tiers:
            tier = tiers[0]
            look = outlook.look(tier) if outlook else Look()
            statement = search_statement(params, reading, parts, way, tier, look)
            rows = await reads.fetch(*statement)
            if len(rows) > params.limit:
                break
            tiers = _after(tier, tiers[1:], fits=len(rows), wanted=params.limit)
        if rows[0].is_held:
            break
    return Found(rows, way, is_exact=tier.is_everything)


def _tiers(
    parts: Fragments,
    params: SearchParams,
    reading: Reading,
    way: Way | None,
    outlook: Outlook | None,
) -> Sequence[Tier]:
    """Where to look, one after the other, until the page is full."""
    if outlook is None or params.facets or way is Way.RESEMBLING:
        return parts.tiers[-1:]
    if reading.after:
        return [tier for tier in parts.tiers if tier.last_zone >= reading.after[0]]
    if parts.tiers[0].metres is None:
        return parts.tiers
    return parts.tiers[outlook.first(parts.tiers) :]


def _after(tier: Tier, others: Sequence[Tier], *, fits: int, wanted: int) -> Sequence[Tier]:
    """Of the tiers after `tier`, where `fits` services fit: from the first that is likely to fill
    the page, were services as dense there."""
    for number, other in enumerate(others):
        if tier.metres is None or other.metres is None:
            return others[number:]
        if fits * (other.metres / tier.metres) ** 2 >= 1.5 * wanted:
            return others[number:]
    return others


def search_statement(
    params: SearchParams,
    reading: Reading,
    parts: Fragments,
    way: Way | None,
    tier: Tier,
    look: Look,
) -> tuple[str, dict[str, Any]]:
    """The statement for one tier and its parameters; `way`: how services have the words asked."""
    key, key_type = sort_key(params.sort)
    parameters = {**parts.parameters, "row_count": params.limit + 1}
    held = "true"
    if way in (Way.HOLDING, Way.BEGINNING):
        parameters |= {"starts": way is Way.BEGINNING, "later": list(look.later)}
        held = _HELD.format(visible=parts.visible, words=f"{_HOLDS} AND {_REST}")
    if tier.keys is not None:
        parameters |= {"reach": tier.reach(), "last_zone": tier.last_zone}
    statement = _SEARCH.format(
        first=_WORDS if way in (Way.HOLDING, Way.BEGINNING) else "",
        candidates=_candidates(parts, params, way, tier, look),
        key=key,
        late="false" if reading.layer.is_professional else "c.is_saturated",
        certain="c.uncertain = 0" if params.certain_only else "true",
        all_known=_all_known(parts),
        after=_beyond(parameters, reading.after, key_type),
        held=held,
        resembling=str(way is Way.RESEMBLING).lower(),
        with_demo=_with_demo(parts, params, reading, tier),
        unknowns=_unknowns(parts),
        facets=_facets(parts, params),
        alternatives="NULL::uuid[]"
        if reading.layer.is_professional
        else _ALTERNATIVES.format(visible=parts.visible),
    )
    return statement, parameters


def _candidates(
    parts: Fragments, params: SearchParams, way: Way | None, tier: Tier, look: Look
) -> str:
    """The services of a tier that fit, with all that ranks them."""
    where, source, likeness = [*parts.where], "service_search s", "0"
    if way is Way.RESEMBLING:
        source += " JOIN public.service_resembling(:asked) r ON r.service_id = s.service_id"
        likeness = "s.likeness * 0.5"
    elif way is not None:
        where += [_HOLDS, _REST] if look.later else [_HOLDS]
        likeness = _RANK
    if look.speaks_later:
        where = [f"({part}) IS TRUE" if part == SPEAKS else part for part in where]
    counted = dict.fromkeys(params.facets)
    names = [f"{name}_is" for name in parts.states] + [f"of_{facet}" for facet in counted]
    then = [*parts.then]
    if not tier.is_everything:
        # Keys of places are those of needs too, when any is asked.
        where = [
            "s.places && CAST(:reach AS text[])",
            *(part for part in where if part != HAS_NEED),
        ]
        then.insert(0, f"{parts.zone} <= CAST(:last_zone AS int)")
    return _CANDIDATES.format(
        zone=parts.zone,
        uncertain=" OR ".join(parts.uncertain) or "false",
        known=_all_known(parts, "s"),
        relevance=relevance(params, likeness),
        kept="".join(f", s.{name}" for name in names),
        likeness=", r.likeness" if way is Way.RESEMBLING else "",
        states="".join(f",\n            {sql} AS {name}_is" for name, sql in parts.states.items()),
        counted="".join(f",\n            {FACETS[facet]} AS of_{facet}" for facet in counted),
        distance=DISTANCE if params.near else "NULL::int",
        inside=parts.inside,
        # What a filter leaves out for sure is not ranked.
        possible=" AND ".join(f"s.{name}_is IS NOT FALSE" for name in parts.states) or "true",
        source=source,
        where=" AND ".join(where),
        then=" AND ".join(then) or "true",
    )


def _with_demo(parts: Fragments, params: SearchParams, reading: Reading, tier: Tier) -> str:
    """In the public layer the demonstration's services are given only when nothing real fits, which
    a part of the directory cannot tell."""
    if reading.layer.is_professional or params.source:
        return "COALESCE(bool_or(true), true)"
    if reading.frozen.with_demo is not None:
        decided = str(reading.frozen.with_demo).lower()
        return f"COALESCE(bool_or({decided}), {decided})"
    if not tier.is_everything:
        return "COALESCE(bool_or(false), false)"
    return f"COALESCE(NOT bool_or(NOT c.is_demo AND {_all_known(parts)}), true)"


def _all_known(parts: Fragments, row: str = "c") -> str:
    return " AND ".join(f"COALESCE({row}.{name}_is, false)" for name in parts.states) or "true"


def _unknowns(parts: Fragments) -> str:
    """Per filter: how many services only that filter leaves out, as it is not known of them."""
    counts = []
    for name in parts.states:
        others = "".join(
            f" AND COALESCE(c.{other}_is, false)" for other in parts.states if other != name
        )
        counts.append(f", count(*) FILTER (WHERE c.{name}_is IS NULL{others}) AS unknown_{name}")
    return "".join(counts)


def _facets(parts: Fragments, params: SearchParams) -> str:
    if not params.facets:
        return "NULL::jsonb"
    counts = [
        _FACET.format(facet=facet, all_known=_all_known(parts))
        for facet in dict.fromkeys(params.facets)
    ]
    return f"jsonb_build_object({', '.join(counts)})"


def _beyond(parameters: dict[str, Any], after: Sequence[Any] | None, key_type: str) -> str:
    if after is None:
        return ""
    names = ("after_zone", "after_late", "after_uncertain", "after_key", "after_id")
    parameters.update(zip(names, after, strict=True))
    return (
        " AND (c.zone, c.late, c.uncertain, c.key, c.service_id)"
        " > (CAST(:after_zone AS int), CAST(:after_late AS int), CAST(:after_uncertain AS int),"
        f" CAST(:after_key AS {key_type}), CAST(:after_id AS uuid))"
    )
