"""What lives around services: outlines of territories, rotas, events, diagnoses, collections,
enquiries, and the life of an observation."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UP = (
    """
CREATE TABLE territory_outline (
    territory_code VARCHAR NOT NULL,
    geometry JSONB NOT NULL,
    source TEXT,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_territory_outline PRIMARY KEY (territory_code),
    CONSTRAINT fk_territory_outline_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE CASCADE
)
""",
    """
CREATE TABLE territory_ring (
    id UUID NOT NULL,
    territory_code VARCHAR NOT NULL,
    ring polygon NOT NULL,
    CONSTRAINT pk_territory_ring PRIMARY KEY (id),
    CONSTRAINT fk_territory_ring_territory_code_territory_outline FOREIGN KEY(territory_code)
        REFERENCES territory_outline (territory_code) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_territory_ring_ring ON territory_ring USING gist (ring)",
    "CREATE INDEX ix_territory_ring_territory_code ON territory_ring (territory_code)",
    """
CREATE TABLE rota (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_rota PRIMARY KEY (id),
    CONSTRAINT fk_rota_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_rota_organization_id ON rota (organization_id)",
    """
CREATE TABLE rota_turn (
    id UUID NOT NULL,
    rota_id UUID NOT NULL,
    service_id UUID NOT NULL,
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
    CONSTRAINT pk_rota_turn PRIMARY KEY (id),
    CONSTRAINT ck_rota_turn_opens_in_day CHECK (opens_minute BETWEEN 0 AND 1439),
    CONSTRAINT ck_rota_turn_closes_after
        CHECK (closes_minute > opens_minute AND closes_minute <= opens_minute + 1440),
    CONSTRAINT ck_rota_turn_in_order CHECK (starts_on <= ends_on),
    CONSTRAINT ck_rota_turn_some_day CHECK (cardinality(byday) + cardinality(bymonthday) > 0),
    CONSTRAINT ck_rota_turn_repeats CHECK (repeat_every >= 1),
    CONSTRAINT fk_rota_turn_rota_id_rota FOREIGN KEY(rota_id)
        REFERENCES rota (id) ON DELETE CASCADE,
    CONSTRAINT fk_rota_turn_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE,
    CONSTRAINT ck_rota_turn_freq CHECK (freq IN ('WEEKLY', 'MONTHLY')),
    CONSTRAINT ck_rota_turn_on_holidays CHECK (on_holidays IN ('closed', 'open'))
)
""",
    "CREATE INDEX ix_rota_turn_rota_id_position ON rota_turn (rota_id, position)",
    "CREATE INDEX ix_rota_turn_service_id ON rota_turn (service_id)",
    """
CREATE TABLE event (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    audience VARCHAR(40) NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    needs TEXT[] DEFAULT '{}'::text[] NOT NULL,
    languages TEXT[] DEFAULT '{}'::text[] NOT NULL,
    program_code VARCHAR,
    territory_code VARCHAR,
    place JSONB,
    postcode TEXT,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    schedule JSONB,
    cancelled_on TEXT[] DEFAULT '{}'::text[] NOT NULL,
    first_on DATE NOT NULL,
    last_on DATE,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_event PRIMARY KEY (id),
    CONSTRAINT ck_event_network_is_named CHECK ((visibility = 'network') = (network IS NOT NULL)),
    CONSTRAINT ck_event_named CHECK (name <> '{}'::jsonb),
    CONSTRAINT ck_event_both_ends CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CONSTRAINT ck_event_once_or_again CHECK ((starts_at IS NULL) <> (schedule IS NULL)),
    CONSTRAINT ck_event_ends_after CHECK (starts_at < ends_at),
    CONSTRAINT ck_event_in_order CHECK (first_on <= last_on),
    CONSTRAINT fk_event_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT ck_event_kind
        CHECK (kind IN ('permanence', 'workshop', 'mobile_round', 'meeting', 'other')),
    CONSTRAINT ck_event_audience CHECK (audience IN ('public', 'professionals')),
    CONSTRAINT fk_event_program_code_program FOREIGN KEY(program_code)
        REFERENCES program (code) ON DELETE RESTRICT,
    CONSTRAINT fk_event_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT,
    CONSTRAINT ck_event_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    "CREATE INDEX ix_event_first_on_last_on ON event (first_on, last_on)",
    "CREATE INDEX ix_event_organization_id ON event (organization_id)",
    "CREATE INDEX ix_event_program_code ON event (program_code)",
    "CREATE INDEX ix_event_territory_code ON event (territory_code)",
    """
CREATE TABLE event_attendance (
    id UUID NOT NULL,
    event_id UUID NOT NULL,
    held_on DATE NOT NULL,
    present INTEGER NOT NULL,
    need_code VARCHAR,
    territory_code VARCHAR,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_event_attendance PRIMARY KEY (id),
    CONSTRAINT uq_event_attendance_event_id_held_on UNIQUE (event_id, held_on),
    CONSTRAINT ck_event_attendance_not_negative CHECK (present >= 0),
    CONSTRAINT fk_event_attendance_event_id_event FOREIGN KEY(event_id)
        REFERENCES event (id) ON DELETE CASCADE,
    CONSTRAINT fk_event_attendance_need_code_need FOREIGN KEY(need_code)
        REFERENCES need (code) ON DELETE RESTRICT,
    CONSTRAINT fk_event_attendance_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT
)
""",
    "CREATE INDEX ix_event_attendance_need_code ON event_attendance (need_code)",
    "CREATE INDEX ix_event_attendance_territory_code ON event_attendance (territory_code)",
    """
CREATE TABLE observation_transition (
    id UUID NOT NULL,
    observation_id UUID NOT NULL,
    from_state VARCHAR(40) NOT NULL,
    to_state VARCHAR(40) NOT NULL,
    happened_on DATE NOT NULL,
    institution TEXT,
    words JSONB NOT NULL,
    url TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_observation_transition PRIMARY KEY (id),
    CONSTRAINT ck_observation_transition_moves CHECK (from_state <> to_state),
    CONSTRAINT fk_observation_transition_observation_id_observation FOREIGN KEY(observation_id)
        REFERENCES observation (id) ON DELETE CASCADE,
    CONSTRAINT ck_observation_transition_from_state
        CHECK (from_state IN ('noted', 'sent', 'answered')),
    CONSTRAINT ck_observation_transition_to_state
        CHECK (to_state IN ('noted', 'sent', 'answered'))
)
""",
    """
CREATE INDEX ix_observation_transition_observation_id
    ON observation_transition (observation_id)
""",
    """
CREATE TABLE diagnostic (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    title JSONB NOT NULL,
    summary JSONB NOT NULL,
    territory_code VARCHAR NOT NULL,
    themes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    published_on DATE NOT NULL,
    author TEXT NOT NULL,
    url TEXT NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_diagnostic PRIMARY KEY (id),
    CONSTRAINT ck_diagnostic_network_is_named
        CHECK ((visibility = 'network') = (network IS NOT NULL)),
    CONSTRAINT ck_diagnostic_titled CHECK (title <> '{}'::jsonb),
    CONSTRAINT fk_diagnostic_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_diagnostic_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT,
    CONSTRAINT ck_diagnostic_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    "CREATE INDEX ix_diagnostic_organization_id ON diagnostic (organization_id)",
    "CREATE INDEX ix_diagnostic_published_on_id ON diagnostic (published_on, id)",
    "CREATE INDEX ix_diagnostic_territory_code ON diagnostic (territory_code)",
    """
CREATE TABLE collection (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    title JSONB NOT NULL,
    description JSONB NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    source TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_collection PRIMARY KEY (id),
    CONSTRAINT ck_collection_network_is_named
        CHECK ((visibility = 'network') = (network IS NOT NULL)),
    CONSTRAINT ck_collection_titled CHECK (title <> '{}'::jsonb),
    CONSTRAINT fk_collection_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT ck_collection_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own'))
)
""",
    "CREATE INDEX ix_collection_organization_id ON collection (organization_id)",
    """
CREATE TABLE collection_item (
    collection_id UUID NOT NULL,
    service_id UUID NOT NULL,
    position INTEGER NOT NULL,
    note JSONB NOT NULL,
    CONSTRAINT pk_collection_item PRIMARY KEY (collection_id, service_id),
    CONSTRAINT uq_collection_item_collection_id_position UNIQUE (collection_id, position),
    CONSTRAINT fk_collection_item_collection_id_collection FOREIGN KEY(collection_id)
        REFERENCES collection (id) ON DELETE CASCADE,
    CONSTRAINT fk_collection_item_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_collection_item_service_id ON collection_item (service_id)",
    """
CREATE TABLE enquiry (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    need_code VARCHAR NOT NULL,
    territory_code VARCHAR NOT NULL,
    constraints JSONB NOT NULL,
    state VARCHAR(40) NOT NULL,
    outcome VARCHAR(40),
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_by UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_enquiry PRIMARY KEY (id),
    CONSTRAINT ck_enquiry_answered_when CHECK ((state = 'answered') = (answered_at IS NOT NULL)),
    CONSTRAINT ck_enquiry_answered_what CHECK ((state = 'answered') = (outcome IS NOT NULL)),
    CONSTRAINT fk_enquiry_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE,
    CONSTRAINT fk_enquiry_need_code_need FOREIGN KEY(need_code)
        REFERENCES need (code) ON DELETE RESTRICT,
    CONSTRAINT fk_enquiry_territory_code_territory FOREIGN KEY(territory_code)
        REFERENCES territory (code) ON DELETE RESTRICT,
    CONSTRAINT ck_enquiry_state CHECK (state IN ('open', 'answered', 'withdrawn')),
    CONSTRAINT ck_enquiry_outcome CHECK (outcome IN ('services_found', 'none_found')),
    CONSTRAINT fk_enquiry_answered_by_organization FOREIGN KEY(answered_by)
        REFERENCES organization (id) ON DELETE SET NULL
)
""",
    "CREATE INDEX ix_enquiry_answered_by ON enquiry (answered_by)",
    "CREATE INDEX ix_enquiry_created_at_id ON enquiry (created_at, id)",
    "CREATE INDEX ix_enquiry_need_code ON enquiry (need_code)",
    "CREATE INDEX ix_enquiry_organization_id ON enquiry (organization_id)",
    "CREATE INDEX ix_enquiry_territory_code ON enquiry (territory_code)",
    """
CREATE TABLE enquiry_service (
    enquiry_id UUID NOT NULL,
    service_id UUID NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_enquiry_service PRIMARY KEY (enquiry_id, service_id),
    CONSTRAINT fk_enquiry_service_enquiry_id_enquiry FOREIGN KEY(enquiry_id)
        REFERENCES enquiry (id) ON DELETE CASCADE,
    CONSTRAINT fk_enquiry_service_service_id_service FOREIGN KEY(service_id)
        REFERENCES service (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_enquiry_service_service_id ON enquiry_service (service_id)",
    # The bounding boxes first: only they are in the index.
    """
CREATE FUNCTION public.territories_holding(latitude float8, longitude float8)
RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT r.territory_code::text
FROM public.territory_ring r
WHERE r.ring && polygon(box(point(longitude, latitude), point(longitude, latitude)))
    AND r.ring @> point(longitude, latitude)
GROUP BY r.territory_code
HAVING count(*) % 2 = 1
$$
""",
)
TABLES = (
    "enquiry_service",
    "enquiry",
    "collection_item",
    "collection",
    "diagnostic",
    "observation_transition",
    "event_attendance",
    "event",
    "rota_turn",
    "rota",
    "territory_ring",
    "territory_outline",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.territories_holding(float8, float8)")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
