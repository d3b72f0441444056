"""The search as one statement: candidates, what is unknown of them, ranking and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maillage_common.reading import Reads
from maillage_directory.search.conditions import (
    Fragments,
    Frozen,
    Way,
    fragments,
    relevance,
    sort_key,
)
from maillage_directory.search.facets import FACETS
from maillage_directory.search.places import DISTANCE
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Terms

# With fewer services than this, to look at all of them costs less than to look twice.
LARGE = 20_000

_WORDS = """asked AS MATERIALIZED (
    SELECT q.holds, q.ranks
    FROM public.directory_query(CAST(:words AS text[]), CAST(:starts AS boolean)) q
), """
_HOLDS = "s.document @@ (SELECT holds FROM asked)"
# A stem in a name weighs 0.6 in ts_rank, and counts for one of about three forms asked for.
_RANK = "1.5 * ts_rank(s.document, (SELECT ranks FROM asked))"
# Whether any visible service has the words this way, looked up when none of them fits.
_HELD = """(
    (SELECT count(*) FROM candidate) > 0
    OR EXISTS (SELECT FROM service_search s WHERE {visible} AND {holds})
)"""

# `OFFSET 0` keeps the planner from writing the same expression out wherever it is used.
_CANDIDATES = """
    SELECT s.service_id, s.is_demo, s.sort_name, s.verified_at, s.distance_m, s.outside,
        {zone} AS zone,
        COALESCE(s.capacity_status IN ('no_capacity', 'waitlist')
            AND s.capacity_valid_until > :now, false) AS is_saturated,
        ({uncertain})::int AS uncertain,
        floor({relevance} * 1000000)::int AS points{kept}
    FROM (
        SELECT s.*, {distance} AS distance_m, {outside} AS outside, {rank} AS likeness
        FROM (
            SELECT s.*, {likeness} AS held_by{states}{counted}
            FROM {source}
            WHERE {where}
            OFFSET 0
        ) s
        WHERE {possible}
        OFFSET 0
    ) s
    WHERE {then}"""

_SEARCH = """
WITH {first}local AS MATERIALIZED ({local}
){far}, candidate AS (
    SELECT * FROM local{or_far}
), verdict AS MATERIALIZED (
    SELECT {with_demo} AS with_demo FROM candidate c
), kept AS MATERIALIZED (
    SELECT c.*, {key} AS key, ({late})::int AS late
    FROM candidate c, verdict v
    WHERE (v.with_demo OR NOT c.is_demo) AND {certain}
), tally AS (
    SELECT count(*) FILTER (WHERE {all_known}) AS total{unknowns} FROM kept c
), page AS (
    SELECT * FROM kept c
    WHERE {all_known}{after}
    ORDER BY c.zone, c.late, c.uncertain, c.key, c.service_id
    LIMIT :row_count
)
SELECT v.with_demo, {held} AS is_held, {resembling} AS resembling,
    {exact} AS total_is_exact, {facets} AS facets, t.*,
    p.service_id, p.distance_m, p.outside, p.zone, p.late, p.is_saturated, p.uncertain,
    p.points, p.key, {alternatives} AS alternatives,
    r.content, r.verified_at, r.version, r.updated_at
FROM verdict v
CROSS JOIN tally t
LEFT JOIN page p ON true
LEFT JOIN card r ON r.resource_id = p.service_id
ORDER BY p.zone, p.late, p.uncertain, p.key, p.service_id
"""
# Services elsewhere are looked at only when those inside and about do not fill the page.
_FAR = """, fill AS MATERIALIZED (
    SELECT count(*) >= :row_count AS is_full
    FROM (SELECT c.*, {key} AS key, ({late})::int AS late FROM local c) c
    WHERE {real} AND {certain} AND {all_known}{after}
), far AS MATERIALIZED ({candidates}
    LIMIT CASE WHEN (SELECT is_full FROM fill) AND NOT CAST(:counts_all AS boolean) THEN 0 END
)"""
_OR_FAR = " UNION ALL SELECT * FROM far"
_EXACT = "(NOT (SELECT is_full FROM fill) OR CAST(:counts_all AS boolean))"
# Up to three services with room for the same needs about the same place or in the same zones,
# nearest territory first, of the first forty. A confidential place is in no cell.
_ALTERNATIVES = """CASE WHEN p.is_saturated THEN ARRAY(
        SELECT s.service_id
        FROM service_search f
        CROSS JOIN LATERAL (
            SELECT s.service_id, s.within,
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
            cardinality(ARRAY(SELECT unnest(s.within) INTERSECT SELECT unnest(f.within))) DESC,
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

    @property
    def is_large(self) -> bool:
        return self.terms.service_count > LARGE


async def list_found(
    reads: Reads, params: SearchParams, reading: Reading
) -> tuple[Way | None, list[Any]]:
    """How the words were found, and the rows of a page and one more.

    At least one row, with the counts, even when none fits.
    """
    if not params.q:
        return None, await reads.fetch(*search_statement(params, reading))
    decided = reading.frozen.way
    for way in Way if decided is None else (decided,):
        rows = await reads.fetch(*search_statement(params, reading, way))
        if rows[0].is_held:
            break
    return way, rows


def search_statement(
    params: SearchParams, reading: Reading, way: Way | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters; `way`: how services have the words, when any are asked."""
    parts = fragments(params, reading.layer, reading.terms, reading.frozen)
    key, key_type = sort_key(params.sort)
    parameters = {**parts.parameters, "row_count": params.limit + 1}
    # Asked also of what lies beyond: the parts of the page's order and of its rule.
    shared = {
        "key": key,
        "late": "false" if reading.layer.is_professional else "c.is_saturated",
        "certain": "c.uncertain = 0" if params.certain_only else "true",
        "all_known": _all_known(parts),
        "after": _after(parameters, reading.after, key_type),
    }
    far, exact, held = "", "true", "true"
    if way in (Way.HOLDING, Way.BEGINNING):
        parameters["starts"] = way is Way.BEGINNING
        held = _HELD.format(visible=parts.visible, holds=_HOLDS)
    if reading.is_large and parts.reach is not None and way is not Way.RESEMBLING:
        parameters["reach"] = parts.reach
        parameters["counts_all"] = bool(params.facets)
        far = _FAR.format(
            candidates=_candidates(parts, params, way, zone="= 2"),
            real=_real(params, reading),
            **shared,
        )
        exact = _EXACT
    statement = _SEARCH.format(
        first=_WORDS if way in (Way.HOLDING, Way.BEGINNING) else "",
        local=_candidates(parts, params, way, zone="< 2" if far else None),
        far=far,
        or_far=_OR_FAR if far else "",
        held=held,
        resembling=str(way is Way.RESEMBLING).lower(),
        exact=exact,
        with_demo=_with_demo(parts, params, reading),
        unknowns=_unknowns(parts),
        facets=_facets(parts, params),
        alternatives="NULL::uuid[]"
        if reading.layer.is_professional
        else _ALTERNATIVES.format(visible=parts.visible),
        **shared,
    )
    return statement, parameters


def _candidates(
    parts: Fragments, params: SearchParams, way: Way | None, *, zone: str | None
) -> str:
    """The services that fit, with all that ranks them; `zone` is a condition on theirs."""
    where, source, likeness = [*parts.where], "service_search s", "0"
    if way is Way.RESEMBLING:
        source += " JOIN public.service_resembling(:asked) r ON r.service_id = s.service_id"
        likeness = "r.likeness * 0.5"
    elif way is not None:
        where.append(_HOLDS)
    if zone == "< 2":
        where.append("s.places && CAST(:reach AS text[])")
    counted = dict.fromkeys(params.facets)
    names = [f"{name}_is" for name in parts.states] + [f"of_{facet}" for facet in counted]
    then = [*parts.then]
    if zone is not None:
        then.insert(0, f"{parts.zone} {zone}")
    return _CANDIDATES.format(
        zone=parts.zone,
        uncertain=" OR ".join(parts.uncertain) or "false",
        relevance=relevance(params),
        kept="".join(f", s.{name}" for name in names),
        states="".join(f",\n            {sql} AS {name}_is" for name, sql in parts.states.items()),
        counted="".join(f",\n            {FACETS[facet]} AS of_{facet}" for facet in counted),
        distance=DISTANCE if params.near else "NULL::int",
        outside=parts.outside,
        likeness=likeness,
        rank=_RANK if way in (Way.HOLDING, Way.BEGINNING) else "s.held_by",
        # What a filter leaves out for sure is not ranked.
        possible=" AND ".join(f"s.{name}_is IS NOT FALSE" for name in parts.states) or "true",
        source=source,
        where=" AND ".join(where),
        then=" AND ".join(then) or "true",
    )


def _real(params: SearchParams, reading: Reading) -> str:
    """Which of the first candidates surely stay, whatever is decided about the demonstration's."""
    if reading.layer.is_professional or params.source or reading.frozen.with_demo:
        return "true"
    return "NOT c.is_demo"


def _with_demo(parts: Fragments, params: SearchParams, reading: Reading) -> str:
    """In the public layer the demonstration's services are given only when nothing real fits."""
    if reading.layer.is_professional or params.source:
        return "COALESCE(bool_or(true), true)"
    if reading.frozen.with_demo is not None:
        decided = str(reading.frozen.with_demo).lower()
        return f"COALESCE(bool_or({decided}), {decided})"
    return f"COALESCE(NOT bool_or(NOT c.is_demo AND {_all_known(parts)}), true)"


def _all_known(parts: Fragments) -> str:
    return " AND ".join(f"COALESCE(c.{name}_is, false)" for name in parts.states) or "true"


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


def _after(parameters: dict[str, Any], after: Sequence[Any] | None, key_type: str) -> str:
    if after is None:
        return ""
    names = ("after_zone", "after_late", "after_uncertain", "after_key", "after_id")
    parameters.update(zip(names, after, strict=True))
    return (
        " AND (c.zone, c.late, c.uncertain, c.key, c.service_id)"
        " > (CAST(:after_zone AS int), CAST(:after_late AS int), CAST(:after_uncertain AS int),"
        f" CAST(:after_key AS {key_type}), CAST(:after_id AS uuid))"
    )
