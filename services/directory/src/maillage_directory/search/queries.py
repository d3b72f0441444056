"""The search as one statement: candidates, what is unknown of them, ranking and the page."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.search.conditions import (
    Fragments,
    Frozen,
    fragments,
    relevance,
    sort_key,
)
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.vocabulary import Terms

# Great-circle metres (haversine, mean Earth radius) to the nearest place that may be told.
_AWAY = """
CROSS JOIN LATERAL (
    SELECT min(2 * 6371008.8 * asin(sqrt(LEAST(1,
        power(sin(radians(p.latitude - :latitude) / 2), 2)
        + cos(radians(:latitude)) * cos(radians(p.latitude))
        * power(sin(radians(p.longitude - :longitude) / 2), 2)
    ))))::int AS distance_m
    FROM unnest(s.latitudes, s.longitudes) AS p(latitude, longitude)
) away"""
_NOWHERE = "CROSS JOIN (SELECT NULL::int AS distance_m) away"

# Services that hold the words, or, when no visible one does, those that resemble them.
_FOUND = """
asked AS MATERIALIZED (
    SELECT plainto_tsquery('public.directory_french', :asked) AS french,
        plainto_tsquery('public.directory_dutch', :asked) AS dutch,
        to_tsquery('public.directory_simple', :prefixes) AS anywhere
), holding AS MATERIALIZED (
    SELECT s.service_id, GREATEST(
        ts_rank(s.document_fr, asked.french), ts_rank(s.document_nl, asked.dutch),
        ts_rank(s.document_any, asked.anywhere)) AS likeness
    FROM service_search s, asked
    WHERE {visible} AND {words}
), chosen AS MATERIALIZED (
    SELECT COALESCE(CAST(:resembling AS boolean), NOT EXISTS (SELECT FROM holding)) AS resembling
), found AS MATERIALIZED (
    SELECT h.service_id, h.likeness FROM holding h, chosen WHERE NOT chosen.resembling
    UNION ALL
    SELECT r.service_id, r.likeness * 0.5
    FROM chosen CROSS JOIN LATERAL public.service_resembling(:asked) r
    WHERE chosen.resembling
), """

_SEARCH = """
WITH {found}candidate AS MATERIALIZED (
    SELECT s.service_id, s.is_demo, s.sort_name, s.verified_at, away.distance_m,
        ({outside})::int AS outside,
        COALESCE(s.capacity_status IN ('no_capacity', 'waitlist')
            AND s.capacity_valid_until > :now, false) AS is_saturated,
        ({uncertain})::int AS uncertain,
        floor({relevance} * 1000000)::int AS points{states}
    FROM service_search s
    {joined}
    {away}
    WHERE {where}
), verdict AS MATERIALIZED (
    SELECT {with_demo} AS with_demo FROM candidate c
), kept AS (
    SELECT c.*, {key} AS key, ({late})::int AS late
    FROM candidate c, verdict v
    WHERE (v.with_demo OR NOT c.is_demo){certain}
), tally AS (
    SELECT count(*) FILTER (WHERE {all_known}) AS total{unknowns} FROM kept c
), page AS (
    SELECT * FROM kept c
    WHERE {all_known}{after}
    ORDER BY c.outside, c.late, c.uncertain, c.key, c.service_id
    LIMIT :row_count
)
SELECT v.with_demo, {resembling} AS resembling, t.*, p.service_id, p.distance_m, p.outside, p.late,
    p.is_saturated, p.uncertain, p.points, p.key,
    r.content, r.verified_at, r.version, r.updated_at
FROM verdict v
CROSS JOIN tally t
LEFT JOIN page p ON true
LEFT JOIN card r ON r.resource_id = p.service_id
ORDER BY p.outside, p.late, p.uncertain, p.key, p.service_id
"""


async def list_found(
    session: AsyncSession,
    params: SearchParams,
    layer: Layer,
    terms: Terms,
    frozen: Frozen,
    after: Sequence[Any] | None,
) -> Sequence[Row[Any]]:
    """The rows of a page and one more; at least one row, with the counts, even when none fits.

    `after` is the key of the last row seen: (outside, late, uncertain, key, service_id).
    """
    statement, parameters = search_statement(params, layer, terms, frozen, after)
    connection = await session.connection()
    return (await connection.execute(text(statement), parameters)).all()


def search_statement(
    params: SearchParams, layer: Layer, terms: Terms, frozen: Frozen, after: Sequence[Any] | None
) -> tuple[str, dict[str, Any]]:
    parts = fragments(params, layer, terms, frozen)
    key, key_type = sort_key(params.sort)
    parameters = {**parts.parameters, "row_count": params.limit + 1}
    if parts.words:
        parameters["resembling"] = frozen.resembling
    statement = _SEARCH.format(
        found=_found(parts, layer),
        joined="JOIN found ON found.service_id = s.service_id" if parts.words else "",
        resembling="(SELECT resembling FROM chosen)" if parts.words else "false",
        outside=parts.outside,
        uncertain=" OR ".join(parts.uncertain) or "false",
        relevance=relevance(params),
        states="".join(f",\n        {sql} AS {name}_is" for name, sql in parts.states.items()),
        away=_AWAY if params.near else _NOWHERE,
        where=" AND ".join(parts.where),
        with_demo=_with_demo(parts, params, layer, frozen),
        key=key,
        late="false" if layer.is_professional else "c.is_saturated",
        certain=" AND c.uncertain = 0" if params.certain_only else "",
        all_known=_all_known(parts),
        unknowns=_unknowns(parts),
        after=_after(parameters, after, key_type),
    )
    return statement, parameters


def _found(parts: Fragments, layer: Layer) -> str:
    if parts.words is None:
        return ""
    return _FOUND.format(visible=visible_record_sql(layer)[0], words=parts.words)


def _with_demo(parts: Fragments, params: SearchParams, layer: Layer, frozen: Frozen) -> str:
    """In the public layer the demonstration's services are given only when nothing real fits."""
    if layer.is_professional or params.source:
        return "COALESCE(bool_or(true), true)"
    if frozen.with_demo is not None:
        return (
            f"COALESCE(bool_or({str(frozen.with_demo).lower()}), {str(frozen.with_demo).lower()})"
        )
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


def _after(parameters: dict[str, Any], after: Sequence[Any] | None, key_type: str) -> str:
    if after is None:
        return ""
    names = ("after_outside", "after_late", "after_uncertain", "after_key", "after_id")
    parameters.update(zip(names, after, strict=True))
    return (
        " AND (c.outside, c.late, c.uncertain, c.key, c.service_id)"
        " > (CAST(:after_outside AS int), CAST(:after_late AS int), CAST(:after_uncertain AS int),"
        f" CAST(:after_key AS {key_type}), CAST(:after_id AS uuid))"
    )


_ALTERNATIVES = """
SELECT f.service_id, ARRAY(
    SELECT s.service_id
    FROM service_search s
    WHERE {visible} AND s.status = 'active'
        AND s.needs && ARRAY(
            SELECT need_code::text FROM service_need n WHERE n.service_id = f.service_id)
        AND s.service_id <> f.service_id AND s.is_demo = f.is_demo
        AND (s.capacity_status IS NULL OR s.capacity_valid_until <= :now
            OR s.capacity_status NOT IN ('no_capacity', 'waitlist'))
    ORDER BY (s.capacity_status = 'capacity' AND s.capacity_valid_until > :now) DESC NULLS LAST,
        cardinality(ARRAY(SELECT unnest(s.within) INTERSECT SELECT unnest(f.within))) DESC,
        s.service_id
    LIMIT 3
) AS alternatives
FROM service_search f
WHERE f.service_id = ANY (CAST(:full AS uuid[]))
"""


async def list_alternatives(
    session: AsyncSession, layer: Layer, full: Sequence[UUID], now: Any
) -> dict[UUID, list[UUID]]:
    """For each full service up to three others for the same needs, nearest territory first."""
    visible, parameters = visible_record_sql(layer)
    connection = await session.connection()
    rows = await connection.execute(
        text(_ALTERNATIVES.format(visible=visible)),
        {**parameters, "full": list(full), "now": now},
    )
    return {row.service_id: row.alternatives for row in rows}
