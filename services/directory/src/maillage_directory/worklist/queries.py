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
    f"('{one.kind}', ARRAY[{', '.join(repr(name) for name in one.fields)}]::text[], {one.days})"
    for one in PERIODS
)
# A service that nobody ever checked is due one period after it came.
_DUE = """
WITH period(kind, fields, days) AS (VALUES {periods}), mine AS MATERIALIZED (
    SELECT r.resource_id AS service_id, r.organization_id, r.content->'name' AS name,
        s.created_at, f.capacity_status, f.capacity_valid_until
    FROM card r
    JOIN service s ON s.id = r.resource_id AND s.status IN ('active', 'temporarily closed')
    JOIN service_search f ON f.service_id = s.id
    WHERE {where}
), due AS (
    SELECT m.*, p.kind, last.at AS checked_at,
        CASE WHEN last.at IS NULL THEN 'never_verified' ELSE 'period_passed' END AS reason,
        COALESCE(last.at, m.created_at) + make_interval(days => p.days) AS due_at
    FROM mine m
    CROSS JOIN period p
    CROSS JOIN LATERAL (
        SELECT max(v.verified_at) AS at FROM verification v
        WHERE v.service_id = m.service_id AND (v.fields = '{{}}' OR v.fields && p.fields)
    ) last
    UNION ALL
    SELECT m.*, 'capacity', NULL, 'expired', m.capacity_valid_until
    FROM mine m WHERE m.capacity_status IS NOT NULL
    UNION ALL
    SELECT m.*, 'note', NULL, n.code, min(n.noted_on)::timestamptz
    FROM mine m JOIN problem_note n ON n.resource_id = m.service_id AND n.cleared_at IS NULL
    GROUP BY m.service_id, m.organization_id, m.name, m.created_at, m.capacity_status,
        m.capacity_valid_until, n.code
    UNION ALL
    SELECT m.*, 'suggestion', NULL, 'suggested', min(g.created_at)
    FROM mine m JOIN suggestion g ON g.resource_id = m.service_id AND g.state = 'open'
    GROUP BY m.service_id, m.organization_id, m.name, m.created_at, m.capacity_status,
        m.capacity_valid_until
)
SELECT * FROM due
WHERE due_at <= :now {further}
ORDER BY due_at, service_id, kind, reason LIMIT :row_count
"""


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
    where = ["r.resource_type = 'service'", visible, editable]
    further = []
    for name, value, condition in (
        ("organization", params.organization, "r.organization_id = :organization"),
        ("territory", params.territory, ":territory = ANY (f.within)"),
        (
            "curator",
            params.curator,
            "may_edit(:curator, 'service', r.resource_id, r.organization_id)",
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
            "(due_at, service_id, kind, reason)"
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
