"""Rules that are more than plain weekly hours, on the row that searches read.

A function looked them up in their tables, which took most of the time of a large search. The rows
of `service_search` are derived: `load-reference`, which every start runs after the migrations,
fills them again.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OPENS_BY_RULE = """
CREATE FUNCTION public.opens_by_rule(
    service uuid, at_minute int, on_day date, is_holiday boolean, days text[], month_days text[],
    day_number int, month_number int
)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM (
            SELECT h.opens_minute, h.closes_minute, h.on_holidays, h.starts_on, h.ends_on, h.byday,
                h.bymonthday, h.repeat_every, h.phase, h.freq, h.week_shift
            FROM public.schedule h WHERE h.service_id = service
            UNION ALL
            SELECT t.opens_minute, t.closes_minute, t.on_holidays, t.starts_on, t.ends_on, t.byday,
                t.bymonthday, t.repeat_every, t.phase, t.freq, t.week_shift
            FROM public.rota_turn t WHERE t.service_id = service
        ) h
        WHERE h.opens_minute <= at_minute AND h.closes_minute > at_minute
            AND (h.on_holidays = 'open' OR NOT is_holiday)
            AND (h.starts_on IS NULL OR h.starts_on <= on_day)
            AND (h.ends_on IS NULL OR h.ends_on >= on_day)
            AND (h.byday = '{}' OR h.byday && days)
            AND (h.bymonthday = '{}' OR h.bymonthday && month_days)
            AND (h.repeat_every = 1 OR h.phase = CASE h.freq
                WHEN 'WEEKLY' THEN (day_number + h.week_shift) / 7
                ELSE month_number END % h.repeat_every)
    );
END
$$
"""


def upgrade() -> None:
    op.execute("DELETE FROM service_search")
    op.execute("DROP FUNCTION opens_by_rule(uuid, int, date, boolean, text[], text[], int, int)")
    op.execute("ALTER TABLE service_search DROP COLUMN has_rules")
    op.execute("ALTER TABLE service_search ADD COLUMN rules JSONB")


def downgrade() -> None:
    op.execute("DELETE FROM service_search")
    op.execute("ALTER TABLE service_search DROP COLUMN rules")
    op.execute("ALTER TABLE service_search ADD COLUMN has_rules BOOLEAN NOT NULL")
    op.execute(_OPENS_BY_RULE)
