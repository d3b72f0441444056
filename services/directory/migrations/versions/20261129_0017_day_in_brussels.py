"""Memberships and coverage begin and end with the day in Brussels, not with the server's."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TODAY = """
CREATE FUNCTION public.today_in_brussels() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN (now() AT TIME ZONE 'Europe/Brussels')::date
"""
_CLIMB = """
CREATE OR REPLACE VIEW public.territory_climb AS
WITH RECURSIVE climb(code, above, is_certain) AS (
    SELECT t.code, t.code, true FROM public.territory t
    UNION
    SELECT c.code, m.within_code::text, c.is_certain AND m.is_certain
    FROM climb c
    JOIN public.territory_membership m ON m.territory_code::text = c.above
    WHERE (m.valid_from IS NULL OR m.valid_from <= TODAY)
        AND (m.valid_to IS NULL OR m.valid_to >= TODAY)
), best AS (
    SELECT c.code, c.above, t.kind, bool_or(c.is_certain) AS is_certain,
        EXISTS (
            SELECT FROM public.territory_membership o
            WHERE o.territory_code::text = c.code AND o.within_code::text = c.above
        ) AS is_own
    FROM climb c
    JOIN public.territory t ON t.code = c.above
    GROUP BY c.code, c.above, t.kind
)
SELECT b.code, b.above, b.is_certain
FROM best b
WHERE b.is_certain OR NOT EXISTS (
    SELECT FROM best s
    WHERE s.code = b.code AND s.kind = b.kind AND (s.is_certain OR s.is_own AND NOT b.is_own)
)
"""


def upgrade() -> None:
    op.execute(_TODAY)
    op.execute(_CLIMB.replace("TODAY", "public.today_in_brussels()"))


def downgrade() -> None:
    op.execute(_CLIMB.replace("TODAY", "CURRENT_DATE"))
    op.execute("DROP FUNCTION public.today_in_brussels()")
