"""Services, their places, times, capacity and verifications."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE location (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    location_type VARCHAR(40) NOT NULL,
    name JSONB NOT NULL,
    street JSONB NOT NULL,
    city JSONB NOT NULL,
    postcode TEXT,
    country TEXT NOT NULL,
    commune_code VARCHAR,
    latitude FLOAT,
    longitude FLOAT,
    is_confidential BOOLEAN NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_location PRIMARY KEY (id),
    CONSTRAINT ck_location_both_or_none CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CONSTRAINT ck_location_latitude_range CHECK (latitude BETWEEN -90 AND 90),
    CONSTRAINT ck_location_longitude_range CHECK (longitude BETWEEN -180 AND 180),
    CONSTRAINT fk_location_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT ck_location_location_type
        CHECK (location_type IN ('physical', 'postal', 'virtual')),
    CONSTRAINT fk_location_commune_code_territory FOREIGN KEY(commune_code)
        REFERENCES territory (code) ON DELETE RESTRICT
)
""",
    """
CREATE INDEX ix_location_commune_code ON location (commune_code)
""",
    """
CREATE INDEX ix_location_organization_id ON location (organization_id)
""",
    """
CREATE TABLE service (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    status VARCHAR(40) NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    text_origins JSONB NOT NULL,
    kind VARCHAR(40),
    access TEXT[] DEFAULT '{}'::text[] NOT NULL,
    offers_interpreter BOOLEAN NOT NULL,
    age_min SMALLINT,
    age_max SMALLINT,
    cost VARCHAR(40) NOT NULL,
    accessible VARCHAR(40) NOT NULL,
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
    CONSTRAINT pk_service PRIMARY KEY (id),
    CONSTRAINT ck_service_network_is_named
        CHECK ((visibility = 'network') = (network IS NOT NULL)),
    CONSTRAINT ck_service_access_known
        CHECK (access <@ ARRAY['walk_in', 'appointment', 'home_visit', 'phone', 'online',
        'mobile_round', 'interpreter_on_request']::text[]),
    CONSTRAINT ck_service_named CHECK (name <> '{}'::jsonb),
    CONSTRAINT ck_service_ages_in_order CHECK (age_min <= age_max),
    CONSTRAINT fk_service_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE RESTRICT,
    CONSTRAINT ck_service_status
        CHECK (status IN ('active', 'inactive', 'defunct', 'temporarily closed')),
    CONSTRAINT ck_service_kind
        CHECK (kind IN ('public_institution', 'association', 'independent',
        'informal_network', 'self_help', 'initiative', 'support_service', 'mutuality_service')),
    CONSTRAINT ck_service_cost CHECK (cost IN ('free', 'paid', 'unknown')),
    CONSTRAINT ck_service_accessible CHECK (accessible IN ('yes', 'no', 'unknown')),
    CONSTRAINT ck_service_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    """
CREATE INDEX ix_service_organization_id ON service (organization_id)
""",
    """
CREATE UNIQUE INDEX ix_service_source_external_id ON service (source,
        external_id) WHERE external_id IS NOT NULL
""",
    """
CREATE TABLE action_zone (
    service_id UUID NOT NULL,
    territory_code VARCHAR NOT NULL,
    CONSTRAINT pk_action_zone PRIMARY KEY (service_id, territory_code),
    CONSTRAINT fk_action_zone_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_action_zone_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT
)
""",
    """
CREATE TABLE capacity_report (
    id UUID NOT NULL,
    service_id UUID NOT NULL,
    status VARCHAR(40) NOT NULL,
    places INTEGER,
    unit TEXT,
    waiting_days SMALLINT,
    observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
    confidence VARCHAR(40) NOT NULL,
    source TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_capacity_report PRIMARY KEY (id),
    CONSTRAINT ck_capacity_report_valid_after_observed CHECK (observed_at < valid_until),
    CONSTRAINT ck_capacity_report_not_negative CHECK (places >= 0 AND waiting_days >= 0),
    CONSTRAINT fk_capacity_report_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT ck_capacity_report_status
        CHECK (status IN ('capacity', 'no_capacity', 'waitlist',
        'additional_assessment_required')),
    CONSTRAINT ck_capacity_report_confidence CHECK (confidence IN ('declared', 'relayed'))
)
""",
    """
CREATE INDEX ix_capacity_report_service_id_observed_at ON capacity_report (service_id,
        observed_at)
""",
    """
CREATE TABLE closure (
    id UUID NOT NULL,
    service_id UUID NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    reason JSONB NOT NULL,
    CONSTRAINT pk_closure PRIMARY KEY (id),
    CONSTRAINT ck_closure_in_order CHECK (starts_on <= ends_on),
    CONSTRAINT fk_closure_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX ix_closure_service_id ON closure (service_id)
""",
    """
CREATE TABLE contact (
    id UUID NOT NULL,
    organization_id UUID,
    service_id UUID,
    position INTEGER NOT NULL,
    name TEXT,
    title TEXT,
    email TEXT,
    phone TEXT,
    visibility VARCHAR(40) NOT NULL,
    CONSTRAINT pk_contact PRIMARY KEY (id),
    CONSTRAINT ck_contact_one_owner CHECK (num_nonnulls(organization_id, service_id) = 1),
    CONSTRAINT ck_contact_no_network CHECK (visibility IN ('public', 'professional', 'own')),
    CONSTRAINT fk_contact_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_contact_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT ck_contact_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    """
CREATE INDEX ix_contact_organization_id ON contact (organization_id)
""",
    """
CREATE INDEX ix_contact_service_id ON contact (service_id)
""",
    """
CREATE TABLE phone (
    id UUID NOT NULL,
    organization_id UUID,
    service_id UUID,
    position INTEGER NOT NULL,
    number TEXT NOT NULL,
    extension TEXT,
    kind VARCHAR(40) NOT NULL,
    description JSONB NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    CONSTRAINT pk_phone PRIMARY KEY (id),
    CONSTRAINT ck_phone_one_owner CHECK (num_nonnulls(organization_id, service_id) = 1),
    CONSTRAINT fk_phone_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_phone_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT ck_phone_kind CHECK (kind IN ('voice', 'fax', 'text', 'tty')),
    CONSTRAINT ck_phone_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    """
CREATE INDEX ix_phone_organization_id ON phone (organization_id)
""",
    """
CREATE INDEX ix_phone_service_id ON phone (service_id)
""",
    """
CREATE TABLE service_at_location (
    id UUID NOT NULL,
    service_id UUID NOT NULL,
    location_id UUID NOT NULL,
    description JSONB NOT NULL,
    CONSTRAINT pk_service_at_location PRIMARY KEY (id),
    CONSTRAINT uq_service_at_location_service_id_location_id UNIQUE (service_id, location_id),
    CONSTRAINT fk_service_at_location_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_service_at_location_location_id_location
        FOREIGN KEY(location_id) REFERENCES location (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX ix_service_at_location_location_id ON service_at_location (location_id)
""",
    """
CREATE TABLE service_condition (
    service_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    state VARCHAR(40) NOT NULL,
    CONSTRAINT pk_service_condition PRIMARY KEY (service_id, kind),
    CONSTRAINT fk_service_condition_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT ck_service_condition_kind
        CHECK (kind IN ('no_papers_needed', 'undocumented', 'asylum', 'temporary_protection',
        'insured', 'bim', 'amu', 'no_insurance', 'reference_address', 'above_threshold',
        'anonymous_welcome', 'men', 'women', 'families')),
    CONSTRAINT ck_service_condition_state CHECK (state IN ('yes', 'no', 'unknown'))
)
""",
    """
CREATE TABLE service_language (
    service_id UUID NOT NULL,
    code TEXT NOT NULL,
    note JSONB NOT NULL,
    CONSTRAINT pk_service_language PRIMARY KEY (service_id, code),
    CONSTRAINT ck_service_language_iso_639 CHECK (code ~ '^[a-z]{2,3}$'),
    CONSTRAINT fk_service_language_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE service_need (
    service_id UUID NOT NULL,
    need_code VARCHAR NOT NULL,
    CONSTRAINT pk_service_need PRIMARY KEY (service_id, need_code),
    CONSTRAINT fk_service_need_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_service_need_need_code_need FOREIGN KEY(need_code)
        REFERENCES need (code) ON DELETE RESTRICT
)
""",
    """
CREATE TABLE service_program (
    service_id UUID NOT NULL,
    program_code VARCHAR NOT NULL,
    CONSTRAINT pk_service_program PRIMARY KEY (service_id, program_code),
    CONSTRAINT fk_service_program_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_service_program_program_code_program FOREIGN KEY(program_code)
        REFERENCES program (code) ON DELETE RESTRICT
)
""",
    """
CREATE TABLE verification (
    id UUID NOT NULL,
    service_id UUID NOT NULL,
    fields TEXT[] DEFAULT '{}'::text[] NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id UUID,
    source TEXT,
    CONSTRAINT pk_verification PRIMARY KEY (id),
    CONSTRAINT fk_verification_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_verification_organization_id_organization
        FOREIGN KEY(organization_id) REFERENCES organization (id) ON DELETE SET NULL
)
""",
    """
CREATE INDEX ix_verification_organization_id ON verification (organization_id)
""",
    """
CREATE INDEX ix_verification_service_id_verified_at ON verification (service_id, verified_at)
""",
    """
CREATE TABLE schedule (
    id UUID NOT NULL,
    service_id UUID NOT NULL,
    service_at_location_id UUID,
    position INTEGER NOT NULL,
    freq VARCHAR(40) NOT NULL,
    repeat_every SMALLINT NOT NULL,
    byday TEXT[] DEFAULT '{}'::text[] NOT NULL,
    bymonthday TEXT[] DEFAULT '{}'::text[] NOT NULL,
    opens_minute SMALLINT NOT NULL,
    closes_minute SMALLINT NOT NULL,
    dtstart DATE,
    until DATE,
    count INTEGER,
    wkst TEXT NOT NULL,
    valid_from DATE,
    valid_to DATE,
    starts_on DATE,
    ends_on DATE,
    week_shift SMALLINT NOT NULL,
    phase SMALLINT NOT NULL,
    on_holidays VARCHAR(40) NOT NULL,
    description JSONB NOT NULL,
    attending_type TEXT,
    schedule_link TEXT,
    CONSTRAINT pk_schedule PRIMARY KEY (id),
    CONSTRAINT ck_schedule_opens_in_day CHECK (opens_minute BETWEEN 0 AND 1439),
    CONSTRAINT ck_schedule_closes_after
        CHECK (closes_minute > opens_minute AND closes_minute <= opens_minute + 1440),
    CONSTRAINT ck_schedule_in_order CHECK (starts_on <= ends_on),
    CONSTRAINT ck_schedule_some_day CHECK (cardinality(byday) + cardinality(bymonthday) > 0),
    CONSTRAINT ck_schedule_repeats CHECK (repeat_every >= 1),
    CONSTRAINT fk_schedule_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT fk_schedule_service_at_location_id_service_at_location
        FOREIGN KEY(service_at_location_id)
        REFERENCES service_at_location (id) ON DELETE CASCADE,
    CONSTRAINT ck_schedule_freq CHECK (freq IN ('WEEKLY', 'MONTHLY')),
    CONSTRAINT ck_schedule_on_holidays CHECK (on_holidays IN ('closed', 'open'))
)
""",
    """
CREATE INDEX ix_schedule_service_at_location_id ON schedule (service_at_location_id)
""",
    """
CREATE INDEX ix_schedule_service_id ON schedule (service_id)
""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "schedule",
        "verification",
        "service_program",
        "service_need",
        "service_language",
        "service_condition",
        "service_at_location",
        "phone",
        "contact",
        "closure",
        "capacity_report",
        "action_zone",
        "service",
        "location",
    ):
        op.execute(f"DROP TABLE {table}")
