"""Reads of what is due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.ownership import editable_sql
from maillage_directory.visibility import Layer, visible_record_sql
from maillage_directory.worklist.periods import PERIODS
from maillage_directory.worklist.schemas import WorklistParams

_PERIODS = ", ".join(
    f"('{one.of}', '{one.kind}', ARRAY[{', '.join(map(repr, one.fields))}]::text[], {one.days})"
    for one in PERIODS
)
# What nobody ever checked is due one period after it came.
_DUE = """
WITH period(type, kind, fields, days) AS (VALUES {periods}), mine AS MATERIALIZED (
    SELECT r.resource_type AS type, r.resource_id AS record, r.organization_id,
        r.content->'name' AS name, COALESCE(s.created_at, o.created_at) AS created_at,
        f.capacity_status, f.capacity_valid_until
    FROM card r
    LEFT JOIN service s ON r.resource_type = 'service' AND s.id = r.resource_id
    LEFT JOIN service_search f ON f.service_id = s.id
    LEFT JOIN organization o ON r.resource_type = 'organization' AND o.id = r.resource_id
    WHERE (o.id IS NOT NULL OR s.status IN ('active', 'temporarily closed')) AND {where}
), due AS (
    SELECT m.*, p.kind, last.at AS checked_at,
        CASE WHEN last.at IS NULL THEN 'never_verified' ELSE 'period_passed' END AS reason,
        COALESCE(last.at, m.created_at) + make_interval(days => p.days) AS due_at
    FROM mine m
    JOIN period p ON p.type = m.type
    CROSS JOIN LATERAL (
        SELECT max(v.verified_at) AS at FROM verification v
        WHERE (v.service_id = m.record OR v.checked_organization_id = m.record)
            AND (v.fields = '{{}}' OR v.fields && p.fields)
    ) last
    UNION ALL
    SELECT m.*, 'capacity', NULL, 'expired', m.capacity_valid_until
    FROM mine m WHERE m.capacity_status IS NOT NULL
    UNION ALL
    SELECT m.*, 'note', NULL, n.code, n.since
    FROM mine m CROSS JOIN LATERAL (
        SELECT code, min(noted_on)::timestamp AT TIME ZONE 'Europe/Brussels' AS since
        FROM problem_note
        WHERE resource_id = m.record AND cleared_at IS NULL GROUP BY code
    ) n
    UNION ALL
    SELECT m.*, 'suggestion', NULL, 'suggested', g.since
    FROM mine m CROSS JOIN LATERAL (
        SELECT min(created_at) AS since FROM suggestion
        WHERE resource_id = m.record AND state = 'open' HAVING count(*) > 0
    ) g
)
SELECT * FROM due
WHERE due_at <= :now {further}
ORDER BY due_at, record, kind, reason LIMIT :row_count
"""
# An organization lies where any of its services does.
_IN_TERRITORY = (
    "CASE r.resource_type WHEN 'service' THEN :territory = ANY (f.within) ELSE EXISTS ("
    "SELECT FROM service_search i"
    " WHERE i.organization_id = r.resource_id AND :territory = ANY (i.within)) END"
)


async def list_due(
    session: AsyncSession,
    layer: Layer,
    params: WorklistParams,
    *,
    now: datetime,
    after: Sequence[Any] | None,
) -> Sequence[Row[Any]]:
    """A page and one more, the longest due first; one statement."""
    visible, parameters = visible_record_sql(layer, "r")
    editable, more = editable_sql(layer, "r")
    parameters = parameters | more | {"now": now, "row_count": params.limit + 1}
    where = [visible, editable]
    further = []
    for name, value, condition in (
        ("type", params.type, "r.resource_type = :type"),
        ("organization", params.organization, "r.organization_id = :organization"),
        ("territory", params.territory, _IN_TERRITORY),
        (
            "curator",
            params.curator,
            "may_edit(:curator, r.resource_type, r.resource_id, r.organization_id)",
        ),
    ):
        if value is not None:
            where.append(condition)
            parameters[name] = value
    if params.kind is not None:
        further.append("kind = :kind")
        parameters["kind"] = params.kind
    if after is not None:
        further.append(
            "(due_at, record, kind, reason)"
            " > (:after_at, CAST(:after_id AS uuid), :after_kind, :after_reason)"
        )
        names = ("after_at", "after_id", "after_kind", "after_reason")
        parameters |= dict(zip(names, after, strict=True))
    connection = await session.connection()
    rows = await connection.execute(
        text(
            _DUE.format(
                periods=_PERIODS,
                where=" AND ".join(where),
                further="".join(f" AND {one}" for one in further),
            )
        ),
        parameters,
    )
    return rows.all()
