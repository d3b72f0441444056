"""Reference tables, organizations and observations; what every service's database has."""

from alembic import op

from maillage_common.migrations import create_common_tables, drop_common_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE data_source (
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    period TEXT,
    source_on DATE,
    licence TEXT,
    is_verified BOOLEAN NOT NULL,
    CONSTRAINT pk_data_source PRIMARY KEY (code)
)
""",
    """
CREATE TABLE need (
    code TEXT NOT NULL,
    parent_code VARCHAR,
    name JSONB NOT NULL,
    keywords JSONB NOT NULL,
    pictogram TEXT,
    is_sensitive BOOLEAN NOT NULL,
    exact_match TEXT[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT pk_need PRIMARY KEY (code),
    CONSTRAINT fk_need_parent_code_need FOREIGN KEY(parent_code)
        REFERENCES need (code) ON DELETE RESTRICT
)
""",
    """
CREATE INDEX ix_need_parent_code ON need (parent_code)
""",
    """
CREATE TABLE organization (
    id UUID NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    text_origins JSONB NOT NULL,
    kind VARCHAR(40) NOT NULL,
    email TEXT,
    url TEXT,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    source TEXT NOT NULL,
    external_id TEXT,
    source_on DATE,
    licence TEXT,
    source_digest TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_organization PRIMARY KEY (id),
    CONSTRAINT ck_organization_network_is_named
        CHECK ((visibility = 'network') = (network IS NOT NULL)),
    CONSTRAINT ck_organization_named CHECK (name <> '{}'::jsonb),
    CONSTRAINT ck_organization_kind
        CHECK (kind IN ('public_institution', 'association', 'independent',
        'informal_network', 'self_help', 'initiative', 'support_service', 'mutuality_service')),
    CONSTRAINT ck_organization_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    """
CREATE UNIQUE INDEX ix_organization_source_external_id ON organization (source,
        external_id) WHERE external_id IS NOT NULL
""",
    """
CREATE TABLE program (
    code TEXT NOT NULL,
    name JSONB NOT NULL,
    area JSONB NOT NULL,
    coordinator TEXT,
    funder TEXT,
    level TEXT,
    worker_count INTEGER,
    url TEXT,
    source TEXT,
    source_on DATE,
    CONSTRAINT pk_program PRIMARY KEY (code)
)
""",
    """
CREATE TABLE territory (
    code TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    name JSONB NOT NULL,
    valid_from DATE,
    valid_to DATE,
    source TEXT,
    latitude FLOAT,
    longitude FLOAT,
    CONSTRAINT pk_territory PRIMARY KEY (code),
    CONSTRAINT ck_territory_kind
        CHECK (kind IN ('region', 'basin', 'commune', 'postcode', 'raq_zone', 'chw_zone',
        'pssi_quartier', 'clss_area', 'statistical_sector'))
)
""",
    """
CREATE INDEX ix_territory_kind ON territory (kind)
""",
    """
CREATE TABLE observation (
    id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    obstacle TEXT,
    need_code VARCHAR,
    territory_code VARCHAR,
    program_code VARCHAR,
    happened INTEGER NOT NULL,
    note JSONB NOT NULL,
    recommendation JSONB NOT NULL,
    state VARCHAR(40) NOT NULL,
    observed_on DATE NOT NULL,
    source TEXT NOT NULL,
    external_id TEXT,
    visibility VARCHAR(40) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_observation PRIMARY KEY (id),
    CONSTRAINT ck_observation_happened_once CHECK (happened >= 1),
    CONSTRAINT ck_observation_public_or_professional
        CHECK (visibility IN ('public', 'professional')),
    CONSTRAINT ck_observation_kind CHECK (kind IN ('gap', 'obstacle')),
    CONSTRAINT fk_observation_need_code_need FOREIGN KEY(need_code)
        REFERENCES need (code) ON DELETE RESTRICT,
    CONSTRAINT fk_observation_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT,
    CONSTRAINT fk_observation_program_code_program FOREIGN KEY(program_code)
        REFERENCES program (code) ON DELETE RESTRICT,
    CONSTRAINT ck_observation_state CHECK (state IN ('noted', 'sent', 'answered')),
    CONSTRAINT ck_observation_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    """
CREATE INDEX ix_observation_need_code ON observation (need_code)
""",
    """
CREATE INDEX ix_observation_observed_on_id ON observation (observed_on, id)
""",
    """
CREATE INDEX ix_observation_program_code ON observation (program_code)
""",
    """
CREATE UNIQUE INDEX ix_observation_source_external_id ON observation (source,
        external_id) WHERE external_id IS NOT NULL
""",
    """
CREATE INDEX ix_observation_territory_code ON observation (territory_code)
""",
    """
CREATE TABLE organization_identifier (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    scheme TEXT NOT NULL,
    identifier TEXT NOT NULL,
    CONSTRAINT pk_organization_identifier PRIMARY KEY (id),
    CONSTRAINT uq_organization_identifier_organization_id_scheme_identifier UNIQUE
        (organization_id, scheme, identifier),
    CONSTRAINT fk_organization_identifier_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX ix_organization_identifier_identifier ON organization_identifier (identifier)
""",
    """
CREATE TABLE program_coverage (
    id UUID NOT NULL,
    program_code VARCHAR NOT NULL,
    organization_id UUID NOT NULL,
    territory_code VARCHAR NOT NULL,
    role VARCHAR(40) NOT NULL,
    valid_from DATE,
    valid_to DATE,
    source TEXT,
    CONSTRAINT pk_program_coverage PRIMARY KEY (id),
    CONSTRAINT uq_program_coverage_program_code_organization_id_territ_7d51 UNIQUE NULLS NOT
        DISTINCT (program_code, organization_id, territory_code, role, valid_from),
    CONSTRAINT ck_program_coverage_in_order CHECK (valid_to IS NULL OR valid_from <= valid_to),
    CONSTRAINT fk_program_coverage_program_code_program FOREIGN KEY(program_code)
        REFERENCES program (code) ON DELETE CASCADE,
    CONSTRAINT fk_program_coverage_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_program_coverage_territory_code_territory
        FOREIGN KEY(territory_code) REFERENCES territory (code) ON DELETE RESTRICT,
    CONSTRAINT ck_program_coverage_role CHECK (role IN ('worker', 'host_partner', 'team'))
)
""",
    """
CREATE INDEX ix_program_coverage_organization_id_program_code ON program_coverage
        (organization_id, program_code)
""",
    """
CREATE INDEX ix_program_coverage_territory_code ON program_coverage (territory_code)
""",
    """
CREATE TABLE territory_membership (
    id UUID NOT NULL,
    territory_code VARCHAR NOT NULL,
    within_code VARCHAR NOT NULL,
    valid_from DATE,
    valid_to DATE,
    is_certain BOOLEAN NOT NULL,
    source TEXT,
    CONSTRAINT pk_territory_membership PRIMARY KEY (id),
    CONSTRAINT uq_territory_membership_territory_code_within_code_valid_from UNIQUE NULLS NOT
        DISTINCT (territory_code, within_code, valid_from),
    CONSTRAINT ck_territory_membership_not_itself CHECK (territory_code <> within_code),
    CONSTRAINT fk_territory_membership_territory_code_territory
        FOREIGN KEY(territory_code) REFERENCES territory (code) ON DELETE CASCADE,
    CONSTRAINT fk_territory_membership_within_code_territory
        FOREIGN KEY(within_code) REFERENCES territory (code) ON DELETE CASCADE
)
""",
    """
CREATE INDEX ix_territory_membership_within_code ON territory_membership (within_code)
""",
)


def upgrade() -> None:
    create_common_tables(op, app_role="directory_app")
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "territory_membership",
        "program_coverage",
        "organization_identifier",
        "observation",
        "territory",
        "program",
        "organization",
        "need",
        "data_source",
    ):
        op.execute(f"DROP TABLE {table}")
    drop_common_tables(op, app_role="directory_app")
