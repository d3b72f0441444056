"""Delegations, suggestions, notes of what is wrong, duplicates, readers of the feed."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RECORD = """
    resource_type VARCHAR(40) NOT NULL
        CONSTRAINT ck_{0}_resource_type CHECK (resource_type IN ('organization', 'service')),
"""
UP = (
    """
CREATE TABLE delegation (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    territory_code VARCHAR NOT NULL,
    valid_from DATE,
    valid_to DATE,
    CONSTRAINT pk_delegation PRIMARY KEY (id),
    CONSTRAINT uq_delegation_organization_id_territory_code_valid_from
        UNIQUE NULLS NOT DISTINCT (organization_id, territory_code, valid_from),
    CONSTRAINT ck_delegation_in_order CHECK (valid_to IS NULL OR valid_from <= valid_to),
    CONSTRAINT fk_delegation_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_delegation_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT
)
""",
    "CREATE INDEX ix_delegation_territory_code ON delegation (territory_code)",
    f"""
CREATE TABLE suggestion (
    id UUID NOT NULL,
    resource_id UUID NOT NULL,
    {_RECORD.format("suggestion")}
    base_version INTEGER NOT NULL,
    patch JSONB NOT NULL,
    proposed_by TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_suggestion PRIMARY KEY (id),
    CONSTRAINT ck_suggestion_state CHECK (state IN ('open', 'accepted', 'rejected')),
    CONSTRAINT ck_suggestion_decided_when CHECK ((state = 'open') = (decided_at IS NULL))
)
""",
    "CREATE INDEX ix_suggestion_resource_id ON suggestion (resource_id)",
    "CREATE INDEX ix_suggestion_state_created_at_id ON suggestion (state, created_at, id)",
    f"""
CREATE TABLE problem_note (
    id UUID NOT NULL,
    resource_id UUID NOT NULL,
    {_RECORD.format("problem_note")}
    code VARCHAR(40) NOT NULL,
    noted_on DATE NOT NULL,
    cleared_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_problem_note PRIMARY KEY (id),
    CONSTRAINT uq_problem_note_resource_id_code_noted_on UNIQUE (resource_id, code, noted_on),
    CONSTRAINT ck_problem_note_code CHECK (code IN ('closed_for_good', 'wrong_phone', 'wrong_email',
        'wrong_address', 'wrong_hours', 'wrong_language', 'wrong_conditions', 'not_offered',
        'listed_twice', 'not_agreed'))
)
""",
    f"""
CREATE TABLE duplicate (
    id UUID NOT NULL,
    {_RECORD.format("duplicate")}
    first_id UUID NOT NULL,
    second_id UUID NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    reasons TEXT[] DEFAULT '{{}}'::text[] NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    decision VARCHAR(40),
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_duplicate PRIMARY KEY (id),
    CONSTRAINT uq_duplicate_first_id_second_id UNIQUE (first_id, second_id),
    CONSTRAINT ck_duplicate_in_order CHECK (first_id < second_id),
    CONSTRAINT ck_duplicate_decision CHECK (decision IN ('merge', 'dismiss')),
    CONSTRAINT ck_duplicate_decided_when CHECK ((decision IS NULL) = (decided_at IS NULL))
)
""",
    "CREATE INDEX ix_duplicate_second_id ON duplicate (second_id)",
    """
CREATE TABLE feed_reader (
    name TEXT NOT NULL,
    is_own BOOLEAN NOT NULL,
    xid BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    CONSTRAINT pk_feed_reader PRIMARY KEY (name)
)
""",
    # The one rule of who else may edit: a service that lies or acts in the delegated territory, an
    # organization all of whose services do.
    """
CREATE FUNCTION public.may_edit(editor uuid, kind text, record uuid, owner uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT editor = owner OR EXISTS (
        SELECT FROM delegation d
        WHERE d.organization_id = editor
            AND (d.valid_from IS NULL OR d.valid_from <= CURRENT_DATE)
            AND (d.valid_to IS NULL OR d.valid_to >= CURRENT_DATE)
            AND CASE WHEN kind = 'service' THEN EXISTS (
                SELECT FROM service_search s
                WHERE s.service_id = record AND d.territory_code = ANY (s.within))
            ELSE (
                SELECT COALESCE(bool_and(d.territory_code = ANY (s.within)), false)
                FROM service_search s WHERE s.organization_id = record)
            END)
$$
""",
    # Words without case, accents, punctuation and the numbers of houses: what a street is called.
    """
CREATE FUNCTION public.street_name(words text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT trim(regexp_replace(regexp_replace(lower(unaccent(words)),
        '\\m[0-9]+[a-z]?\\M', ' ', 'g'), '[^a-z]+', ' ', 'g'))
$$
""",
)
DOWN = (
    "DROP FUNCTION street_name(text)",
    "DROP FUNCTION may_edit(uuid, text, uuid, uuid)",
    "DROP TABLE feed_reader",
    "DROP TABLE duplicate",
    "DROP TABLE problem_note",
    "DROP TABLE suggestion",
    "DROP TABLE delegation",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
