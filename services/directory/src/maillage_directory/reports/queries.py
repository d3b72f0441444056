"""Counts for reports: a fixed number of statements, over what the caller may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.reports.schemas import ParityParams
from maillage_directory.visibility import Layer, visible_record_sql

_FIELDS = {
    "service": ("name", "description", "easy_read", "eligibility", "fees", "application_process"),
    "organization": ("name", "description", "easy_read"),
}
_PARITY = """
SELECT r.resource_type AS type, f.field,
    count(*) FILTER (WHERE t.fr AND t.nl) AS both,
    count(*) FILTER (WHERE t.fr AND NOT t.nl) AS only_fr,
    count(*) FILTER (WHERE t.nl AND NOT t.fr) AS only_nl,
    count(*) FILTER (WHERE NOT t.fr AND NOT t.nl) AS neither,
    count(*) FILTER (WHERE t.machine) AS machine
FROM card r
JOIN (VALUES {fields}) AS f (type, field, place) ON f.type = r.resource_type
CROSS JOIN LATERAL (
    SELECT COALESCE(r.content->f.field ? 'fr', false) AS fr,
        COALESCE(r.content->f.field ? 'nl', false) AS nl,
        'machine' IN (r.content->'text_origins'->f.field->'fr'->>'origin',
            r.content->'text_origins'->f.field->'nl'->>'origin') AS machine
) t
WHERE {where} AND NOT COALESCE(r.content->'field_visibility' ? f.field, false)
GROUP BY r.resource_type, f.field, f.place
ORDER BY r.resource_type DESC, f.place
"""
_IN_TERRITORY = (
    "(r.resource_type = 'service' AND EXISTS (SELECT FROM service_search s"
    " WHERE s.service_id = r.resource_id AND :territory = ANY (s.within))"
    " OR r.resource_type = 'organization' AND EXISTS (SELECT FROM service_search s"
    " WHERE s.organization_id = r.resource_id AND :territory = ANY (s.within)))"
)
_OFFER = """
SELECT n.code AS need, t.code AS territory, count(*) AS services,
    count(*) FILTER (WHERE s.capacity_status = 'capacity' AND s.capacity_valid_until > :now)
        AS with_capacity
FROM service_search s
CROSS JOIN LATERAL unnest(s.needs) AS n (code)
CROSS JOIN LATERAL unnest(s.within) AS t (code)
WHERE t.code = ANY (:territories) AND :territory = ANY (s.within) AND s.status = 'active'
    AND NOT s.is_demo AND {visible}
GROUP BY n.code, t.code ORDER BY n.code, t.code
"""
_MET = """
SELECT o.kind, o.need_code AS need, o.obstacle, count(*) AS observations,
    sum(o.happened)::int AS happened
FROM observation o
WHERE o.territory_code = ANY (:territories)
GROUP BY o.kind, o.need_code, o.obstacle ORDER BY happened DESC, 1, 2, 3
"""
_STALENESS = """
SELECT count(*) AS services,
    count(*) FILTER (WHERE s.verified_at IS NULL) AS never_verified,
    count(*) FILTER (WHERE s.verified_at < :now - interval '183 days') AS over_half_a_year,
    count(*) FILTER (WHERE s.verified_at < :now - interval '365 days') AS over_a_year,
    count(*) FILTER (WHERE s.capacity_valid_until <= :now) AS capacity_expired
FROM service_search s
WHERE :territory = ANY (s.within) AND s.status = 'active' AND NOT s.is_demo AND {visible}
"""


async def count_parity(
    session: AsyncSession, layer: Layer, params: ParityParams
) -> Sequence[Row[Any]]:
    visible, parameters = visible_record_sql(layer, "r")
    where = [visible, "r.source <> 'demo'"]
    if params.organization is not None:
        where.append("r.organization_id = :organization")
        parameters["organization"] = params.organization
    if params.territory is not None:
        where.append(_IN_TERRITORY)
        parameters["territory"] = params.territory
    fields = ", ".join(
        f"('{kind}', '{field}', {place})"
        for kind, listed in _FIELDS.items()
        for place, field in enumerate(listed)
    )
    connection = await session.connection()
    rows = await connection.execute(
        text(_PARITY.format(fields=fields, where=" AND ".join(where))), parameters
    )
    return rows.all()


async def count_territory(
    session: AsyncSession,
    layer: Layer,
    territory: str,
    inside: Sequence[str],
    *,
    now: datetime,
) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]], Row[Any]]:
    """Offer by need and territory, what was met there, and how old the checks are."""
    visible, parameters = visible_record_sql(layer)
    parameters |= {"territory": territory, "territories": list(inside), "now": now}
    connection = await session.connection()
    offer = await connection.execute(text(_OFFER.format(visible=visible)), parameters)
    met = await connection.execute(text(_MET), {"territories": list(inside)})
    parameters.pop("territories")
    stale = await connection.execute(text(_STALENESS.format(visible=visible)), parameters)
    return offer.all(), met.all(), stale.one()
