"""Database objects that are not tables, kept beside the models.

The migrations have their own frozen copies; the drift test compares the two.
"""

CREATE = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public",
    "CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public",
    *(
        statement
        for configuration, parent, stemmer in (
            ("directory_french", "french", "french_stem"),
            ("directory_dutch", "dutch", "dutch_stem"),
            ("directory_simple", "simple", "simple"),
        )
        for statement in (
            f"CREATE TEXT SEARCH CONFIGURATION public.{configuration} (COPY = pg_catalog.{parent})",
            f"ALTER TEXT SEARCH CONFIGURATION public.{configuration}"
            " ALTER MAPPING FOR hword, hword_part, word"
            f" WITH public.unaccent, pg_catalog.{stemmer}",
        )
    ),
    "CREATE AGGREGATE public.tsvector_of (tsvector)"
    " (SFUNC = tsvector_concat, STYPE = tsvector, INITCOND = '')",
    # The server's day begins an hour or two late.
    "CREATE FUNCTION public.today_in_brussels() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE"
    " RETURN (now() AT TIME ZONE 'Europe/Brussels')::date",
)

# Every territory and all those above it, itself included. Uncertain ones are dropped when a certain
# one settles their kind (1020 lies in the basin Nord, though its commune lies in several), and when
# the territory has memberships of that kind of its own (1000 names its basins: what its commune may
# lie in says nothing more). The table `territory_above` keeps its rows.
TERRITORY_CLIMB = """
CREATE VIEW public.territory_climb AS
WITH RECURSIVE climb(code, above, is_certain) AS (
    SELECT t.code, t.code, true FROM public.territory t
    UNION
    SELECT c.code, m.within_code::text, c.is_certain AND m.is_certain
    FROM climb c
    JOIN public.territory_membership m ON m.territory_code::text = c.above
    WHERE (m.valid_from IS NULL OR m.valid_from <= public.today_in_brussels())
        AND (m.valid_to IS NULL OR m.valid_to >= public.today_in_brussels())
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

# Words asked for, as every one of them in some form (French stem, Dutch stem, as written), and as
# any of them, by which what holds them is ranked. A conjunction of alternatives is walked by its
# rarest word; the same as alternatives of conjunctions is walked whole. Stop words of either
# language are left out. `starts`: words may be beginnings. `later`: those of the words that go into
# `rest` instead of `holds`; NULL when none does.
DIRECTORY_QUERY = """
CREATE FUNCTION public.directory_query(
    words text[], starts boolean, later text[] DEFAULT '{}',
    OUT holds tsquery, OUT ranks tsquery, OUT rest tsquery
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    word text;
    form tsquery;
    forms tsquery;
    french tsquery;
    dutch tsquery;
BEGIN
    FOREACH word IN ARRAY words LOOP
        french := plainto_tsquery('public.directory_french', word);
        dutch := plainto_tsquery('public.directory_dutch', word);
        CONTINUE WHEN numnode(french) = 0 OR numnode(dutch) = 0;
        form := CASE
            WHEN starts THEN to_tsquery('public.directory_simple', word || ':*')
            ELSE plainto_tsquery('public.directory_simple', word) END;
        -- Each form once: the index would be read as often as it is named. A beginning compares as
        -- equal to the word itself.
        forms := french;
        IF dutch <> french THEN forms := forms || dutch; END IF;
        IF starts OR form NOT IN (french, dutch) THEN forms := forms || form; END IF;
        ranks := CASE WHEN ranks IS NULL THEN forms ELSE ranks || forms END;
        IF word = ANY (later) THEN
            rest := CASE WHEN rest IS NULL THEN forms ELSE rest && forms END;
        ELSE
            holds := CASE WHEN holds IS NULL THEN forms ELSE holds && forms END;
        END IF;
    END LOOP;
    IF holds IS NULL THEN
        holds := COALESCE(
            rest, plainto_tsquery('public.directory_simple', array_to_string(words, ' ')));
        ranks := COALESCE(ranks, holds);
        rest := NULL;
    END IF;
END
$$
"""

# The threshold belongs to the function: a session setting would have to follow every pooled
# connection. 0.45 lets one wrong letter through in a word of eight ("logemant").
CREATE_AFTER_TABLES = (
    TERRITORY_CLIMB,
    DIRECTORY_QUERY,
    """
CREATE FUNCTION public.service_resembling(asked text)
RETURNS TABLE (service_id uuid, likeness real)
LANGUAGE sql STABLE PARALLEL SAFE
SET pg_trgm.word_similarity_threshold = 0.45
AS $$
SELECT s.service_id, public.word_similarity(asked, s.typo_text)
FROM public.service_search s
WHERE asked OPERATOR(public.<%) s.typo_text
$$
""",
)

DROP = (
    "DROP FUNCTION public.directory_query(text[], boolean, text[])",
    "DROP FUNCTION public.service_resembling(text)",
    "DROP VIEW public.territory_climb",
)
DROP_AFTER_TABLES = (
    "DROP FUNCTION public.today_in_brussels()",
    "DROP AGGREGATE public.tsvector_of (tsvector)",
    "DROP TEXT SEARCH CONFIGURATION public.directory_simple",
    "DROP TEXT SEARCH CONFIGURATION public.directory_dutch",
    "DROP TEXT SEARCH CONFIGURATION public.directory_french",
    "DROP EXTENSION unaccent",
    "DROP EXTENSION pg_trgm",
)
