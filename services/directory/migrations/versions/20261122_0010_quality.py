"""The quality of a service's description, as searches filter by it (see `quality.scoring`)."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _both(field: str, least: int) -> str:
    return " + ".join(
        f"CASE WHEN length(content->'{field}'->>'{language}') >= {least} THEN 0.5 ELSE 0 END"
        for language in ("fr", "nl")
    )


def _some(*fields: str) -> str:
    told = " OR ".join(
        f"COALESCE(content->'{field}', 'null') NOT IN ('null', '[]', '{{}}', '\"\"')"
        for field in fields
    )
    return f"CASE WHEN {told} THEN 1 ELSE 0 END"


def _known(field: str) -> str:
    return f"CASE WHEN COALESCE(content->>'{field}', 'unknown') <> 'unknown' THEN 1 ELSE 0 END"


_MEASURES = (
    _both("name", 1),
    _both("description", 50),
    _some("needs"),
    _some("phones", "email"),
    _some("access"),
    _some("languages"),
    _some("schedules"),
    _some("locations", "action_zones"),
    _known("cost"),
    _some("conditions"),
    "CASE WHEN verified_at IS NOT NULL THEN 1 ELSE 0 END",
)
_SUM = " + ".join(f"({measure})" for measure in _MEASURES)
_PLACED = "jsonb_path_exists(content, '$.locations[*] ? (@.confidential == false)')"
UP = f"""
CREATE FUNCTION public.service_quality(content jsonb, verified_at timestamptz) RETURNS real
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (CASE WHEN {_PLACED}
        THEN ({_SUM} + {_known("accessible")}) / {len(_MEASURES) + 1}.0
        ELSE ({_SUM}) / {len(_MEASURES)}.0 END)::real
$$
"""


def upgrade() -> None:
    # Not op.execute: it would read the colons of the path as parameters.
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.execute("DROP FUNCTION service_quality(jsonb, timestamptz)")
