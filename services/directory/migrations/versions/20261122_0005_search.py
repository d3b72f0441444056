"""A search that stays fast with a million services: one text vector, one index, opening hours as
ranges; territories above others kept as rows.

The rows of `service_search` are derived: `load-reference`, which every start runs after the
migrations, fills them again.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CLIMB = """
WITH RECURSIVE climb(code, above, is_certain) AS (
    SELECT t.code, t.code, true FROM public.territory t
    UNION
    SELECT c.code, m.within_code::text, c.is_certain AND m.is_certain
    FROM climb c
    JOIN public.territory_membership m ON m.territory_code::text = c.above
    WHERE (m.valid_from IS NULL OR m.valid_from <= CURRENT_DATE)
        AND (m.valid_to IS NULL OR m.valid_to >= CURRENT_DATE)
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

UP = (
    "DROP VIEW public.territory_above",
    f"CREATE VIEW public.territory_climb AS{_CLIMB}",
    """
CREATE TABLE territory_above (
    code TEXT NOT NULL,
    above TEXT NOT NULL,
    is_certain BOOLEAN NOT NULL,
    CONSTRAINT pk_territory_above PRIMARY KEY (code, above),
    CONSTRAINT fk_territory_above_code_territory FOREIGN KEY(code)
        REFERENCES territory (code) ON DELETE CASCADE,
    CONSTRAINT fk_territory_above_above_territory FOREIGN KEY(above)
        REFERENCES territory (code) ON DELETE CASCADE
)
""",
    "INSERT INTO territory_above SELECT code, above, is_certain FROM territory_climb",
    """
CREATE AGGREGATE public.tsvector_of (tsvector)
    (SFUNC = tsvector_concat, STYPE = tsvector, INITCOND = '')
""",
    "DELETE FROM service_search",
    "DROP INDEX ix_service_search_needs",
    "ALTER TABLE service_search DROP COLUMN document_fr",
    "ALTER TABLE service_search DROP COLUMN document_nl",
    "ALTER TABLE service_search DROP COLUMN document_any",
    "ALTER TABLE service_search DROP COLUMN words",
    "ALTER TABLE service_search ADD COLUMN places TEXT[] DEFAULT '{}'::text[] NOT NULL",
    "ALTER TABLE service_search ADD COLUMN has_rules BOOLEAN NOT NULL",
    "ALTER TABLE service_search ADD COLUMN hours INT4MULTIRANGE NOT NULL",
    "ALTER TABLE service_search ADD COLUMN holiday_hours INT4MULTIRANGE NOT NULL",
    "ALTER TABLE service_search ADD COLUMN closed DATEMULTIRANGE NOT NULL",
    "ALTER TABLE service_search ADD COLUMN quality REAL",
    "ALTER TABLE service_search ADD COLUMN document TSVECTOR NOT NULL",
    "ALTER TABLE service_search SET (toast_tuple_target = 8160)",
    """
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
""",
    """
CREATE FUNCTION public.directory_query(
    words text[], starts boolean, OUT holds tsquery, OUT ranks tsquery
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    word text;
    french tsquery;
    dutch tsquery;
    forms tsquery;
BEGIN
    FOREACH word IN ARRAY words LOOP
        french := plainto_tsquery('public.directory_french', word);
        dutch := plainto_tsquery('public.directory_dutch', word);
        CONTINUE WHEN numnode(french) = 0 OR numnode(dutch) = 0;
        forms := french || dutch || CASE
            WHEN starts THEN to_tsquery('public.directory_simple', word || ':*')
            ELSE plainto_tsquery('public.directory_simple', word) END;
        holds := CASE WHEN holds IS NULL THEN forms ELSE holds && forms END;
        ranks := CASE WHEN ranks IS NULL THEN forms ELSE ranks || forms END;
    END LOOP;
    IF holds IS NULL THEN
        holds := plainto_tsquery('public.directory_simple', array_to_string(words, ' '));
        ranks := holds;
    END IF;
END
$$
""",
    """
CREATE INDEX ix_service_search_found_by ON service_search
    USING gin (document, needs, places)
""",
)
_DOCUMENTS = tuple(
    f"ALTER TABLE service_search ADD COLUMN document_{language} TSVECTOR GENERATED ALWAYS AS ("
    + " || ".join(
        f"setweight(to_tsvector('public.{configuration}'::regconfig,"
        f" COALESCE((words ->> '{field}_{language}'::text), ''::text)), '{weight}'::\"char\")"
        for field, weight in (
            ("name", "A"),
            ("need", "B"),
            ("organization", "C"),
            ("description", "D"),
        )
    )
    + ") STORED"
    for language, configuration in (
        ("fr", "directory_french"),
        ("nl", "directory_dutch"),
        ("any", "directory_simple"),
    )
)
DOWN = (
    "DELETE FROM service_search",
    "DROP FUNCTION public.directory_query(text[], boolean)",
    "DROP FUNCTION public.opens_by_rule(uuid, int, date, boolean, text[], text[], int, int)",
    "DROP INDEX ix_service_search_found_by",
    "ALTER TABLE service_search RESET (toast_tuple_target)",
    *(
        f"ALTER TABLE service_search DROP COLUMN {column}"
        for column in (
            "places",
            "has_rules",
            "hours",
            "holiday_hours",
            "closed",
            "quality",
            "document",
        )
    ),
    "ALTER TABLE service_search ADD COLUMN words JSONB NOT NULL",
    *_DOCUMENTS,
    *(
        f"CREATE INDEX ix_service_search_document_{language} ON service_search"
        f" USING gin (document_{language})"
        for language in ("fr", "nl", "any")
    ),
    "CREATE INDEX ix_service_search_needs ON service_search USING gin (needs)",
    "DROP AGGREGATE public.tsvector_of (tsvector)",
    "DROP TABLE territory_above",
    "DROP VIEW public.territory_climb",
    f"CREATE VIEW public.territory_above AS{_CLIMB}",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
