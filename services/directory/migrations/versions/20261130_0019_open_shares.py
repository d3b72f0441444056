"""PostgreSQL counts how many services open in which half hour of a week, for estimates of what a
search will find.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


# `hours` has the minutes of two days for each weekday, so 96 half hours.
_HALF_HOURS = """
CREATE FUNCTION public.open_half_hours(hours int4multirange) RETURNS int[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT DISTINCT half_hour
    FROM unnest(hours) AS opening(minutes),
        generate_series(lower(minutes) / 30, (upper(minutes) - 1) / 30) AS half_hour
)
"""
# What PostgreSQL counts of an expression only the table's owner may read. These are shares of all
# services, and tell nothing about one.
_SHARES = """
CREATE FUNCTION public.open_shares() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
AS $$
SELECT jsonb_object_agg(half_hour, share)
FROM pg_stats_ext_exprs
CROSS JOIN unnest(most_common_elems::text::text[], most_common_elem_freqs)
    AS known(half_hour, share)
WHERE statistics_schemaname = 'public' AND statistics_name = 'service_search_open'
    AND half_hour IS NOT NULL
$$
"""


def upgrade() -> None:
    op.execute(_HALF_HOURS)
    op.execute(
        "CREATE STATISTICS public.service_search_open ON (public.open_half_hours(hours))"
        " FROM public.service_search"
    )
    op.execute(_SHARES)
    op.execute("ANALYZE public.service_search")


def downgrade() -> None:
    op.execute("DROP FUNCTION public.open_shares()")
    op.execute("DROP STATISTICS public.service_search_open")
    op.execute("DROP FUNCTION public.open_half_hours(int4multirange)")
