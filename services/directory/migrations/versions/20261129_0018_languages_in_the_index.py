"""The index of searches finds by language too, and a query tells apart the words that it is not
asked for.

The new function answers calls of the old one: `later` has a default.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Words asked for, as every one of them in some form (French stem, Dutch stem, as written), and as
# any of them, by which what holds them is ranked. A conjunction of alternatives is walked by its
# rarest word; the same as alternatives of conjunctions is walked whole. Stop words of either
# language are left out. `starts`: words may be beginnings. `later`: those of the words that go into
# `rest` instead of `holds`; NULL when none does.
_QUERY = """
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
_QUERY_BEFORE = """
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
"""


def _index(*columns: str) -> None:
    op.drop_index("ix_service_search_found_by")
    op.create_index("ix_service_search_found_by", "service_search", columns, postgresql_using="gin")


def upgrade() -> None:
    op.execute("DROP FUNCTION public.directory_query(text[], boolean)")
    op.execute(_QUERY)
    _index("document", "needs", "places", "languages")


def downgrade() -> None:
    _index("document", "needs", "places")
    op.execute("DROP FUNCTION public.directory_query(text[], boolean, text[])")
    op.execute(_QUERY_BEFORE)
