"""The search projection, with French and Dutch stemming and typo tolerance."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BEFORE = (
    """
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public
""",
    """
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public
""",
    """
CREATE TEXT SEARCH CONFIGURATION public.directory_french (COPY = pg_catalog.french)
""",
    """
ALTER TEXT SEARCH CONFIGURATION public.directory_french
    ALTER MAPPING FOR hword, hword_part, word WITH public.unaccent, pg_catalog.french_stem
""",
    """
CREATE TEXT SEARCH CONFIGURATION public.directory_dutch (COPY = pg_catalog.dutch)
""",
    """
ALTER TEXT SEARCH CONFIGURATION public.directory_dutch
    ALTER MAPPING FOR hword, hword_part, word WITH public.unaccent, pg_catalog.dutch_stem
""",
    """
CREATE TEXT SEARCH CONFIGURATION public.directory_simple (COPY = pg_catalog.simple)
""",
    """
ALTER TEXT SEARCH CONFIGURATION public.directory_simple
    ALTER MAPPING FOR hword, hword_part, word WITH public.unaccent, pg_catalog.simple
""",
)
TABLES = (
    """
CREATE TABLE service_search (
    service_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    status VARCHAR(40) NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    organization_visibility VARCHAR(40) NOT NULL,
    organization_network TEXT,
    is_demo BOOLEAN NOT NULL,
    kind TEXT NOT NULL,
    needs TEXT[] DEFAULT '{}'::text[] NOT NULL,
    programs TEXT[] DEFAULT '{}'::text[] NOT NULL,
    access TEXT[] DEFAULT '{}'::text[] NOT NULL,
    languages TEXT[] DEFAULT '{}'::text[] NOT NULL,
    zones TEXT[] DEFAULT '{}'::text[] NOT NULL,
    within TEXT[] DEFAULT '{}'::text[] NOT NULL,
    perhaps_within TEXT[] DEFAULT '{}'::text[] NOT NULL,
    answers_yes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    answers_no TEXT[] DEFAULT '{}'::text[] NOT NULL,
    age_min SMALLINT,
    age_max SMALLINT,
    latitudes DOUBLE PRECISION[] NOT NULL,
    longitudes DOUBLE PRECISION[] NOT NULL,
    is_remote BOOLEAN NOT NULL,
    has_schedule BOOLEAN NOT NULL,
    capacity_status VARCHAR(40),
    capacity_valid_until TIMESTAMP WITH TIME ZONE,
    verified_at TIMESTAMP WITH TIME ZONE,
    sort_name TEXT NOT NULL,
    words JSONB NOT NULL,
    typo_text TEXT NOT NULL,
    card JSONB NOT NULL,
    version INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    document_fr TSVECTOR GENERATED ALWAYS AS
        ((((setweight(to_tsvector('public.directory_french'::regconfig,
        COALESCE((words ->> 'name_fr'::text), ''::text)), 'A'::"char")
        || setweight(to_tsvector('public.directory_french'::regconfig,
        COALESCE((words ->> 'need_fr'::text), ''::text)), 'B'::"char"))
        || setweight(to_tsvector('public.directory_french'::regconfig,
        COALESCE((words ->> 'organization_fr'::text), ''::text)), 'C'::"char"))
        || setweight(to_tsvector('public.directory_french'::regconfig,
        COALESCE((words ->> 'description_fr'::text), ''::text)), 'D'::"char"))) STORED,
    document_nl TSVECTOR GENERATED ALWAYS AS
        ((((setweight(to_tsvector('public.directory_dutch'::regconfig,
        COALESCE((words ->> 'name_nl'::text), ''::text)), 'A'::"char")
        || setweight(to_tsvector('public.directory_dutch'::regconfig,
        COALESCE((words ->> 'need_nl'::text), ''::text)), 'B'::"char"))
        || setweight(to_tsvector('public.directory_dutch'::regconfig,
        COALESCE((words ->> 'organization_nl'::text), ''::text)), 'C'::"char"))
        || setweight(to_tsvector('public.directory_dutch'::regconfig,
        COALESCE((words ->> 'description_nl'::text), ''::text)), 'D'::"char"))) STORED,
    document_any TSVECTOR GENERATED ALWAYS AS
        ((((setweight(to_tsvector('public.directory_simple'::regconfig,
        COALESCE((words ->> 'name_any'::text), ''::text)), 'A'::"char")
        || setweight(to_tsvector('public.directory_simple'::regconfig,
        COALESCE((words ->> 'need_any'::text), ''::text)), 'B'::"char"))
        || setweight(to_tsvector('public.directory_simple'::regconfig,
        COALESCE((words ->> 'organization_any'::text), ''::text)), 'C'::"char"))
        || setweight(to_tsvector('public.directory_simple'::regconfig,
        COALESCE((words ->> 'description_any'::text), ''::text)), 'D'::"char"))) STORED,
    CONSTRAINT pk_service_search PRIMARY KEY (service_id),
    CONSTRAINT fk_service_search_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_service_search_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT ck_service_search_status
        CHECK (status IN ('active', 'inactive', 'defunct', 'temporarily closed')),
    CONSTRAINT ck_service_search_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_service_search_organization_visibility
        CHECK (organization_visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_service_search_capacity_status
        CHECK (capacity_status IN ('capacity', 'no_capacity', 'waitlist',
        'additional_assessment_required'))
)
""",
    """
CREATE INDEX ix_service_search_document_any ON service_search USING gin (document_any)
""",
    """
CREATE INDEX ix_service_search_document_fr ON service_search USING gin (document_fr)
""",
    """
CREATE INDEX ix_service_search_document_nl ON service_search USING gin (document_nl)
""",
    """
CREATE INDEX ix_service_search_needs ON service_search USING gin (needs)
""",
    """
CREATE INDEX ix_service_search_organization_id ON service_search (organization_id)
""",
    """
CREATE INDEX ix_service_search_typo_text ON service_search USING gin (typo_text gin_trgm_ops)
""",
    """
CREATE VIEW public.territory_above AS
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
""",
    # The threshold belongs to the function: a session setting would have to follow every pooled
    # connection. 0.45 lets one wrong letter through in a word of eight ("logemant").
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


def upgrade() -> None:
    for statement in (*BEFORE, *TABLES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.service_resembling(text)")
    op.execute("DROP VIEW public.territory_above")
    for table in ("service_search",):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP TEXT SEARCH CONFIGURATION public.directory_simple")
    op.execute("DROP TEXT SEARCH CONFIGURATION public.directory_dutch")
    op.execute("DROP TEXT SEARCH CONFIGURATION public.directory_french")
    op.execute("DROP EXTENSION unaccent")
    op.execute("DROP EXTENSION pg_trgm")
