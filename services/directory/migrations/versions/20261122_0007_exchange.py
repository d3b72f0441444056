"""Files on their way in: imports, their bytes and findings; records that their source lacks now."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = (
    """
CREATE TABLE record_import (
    id UUID NOT NULL,
    format VARCHAR(40) NOT NULL,
    stage VARCHAR(40) NOT NULL,
    source TEXT,
    is_dry_run BOOLEAN NOT NULL,
    is_complete BOOLEAN NOT NULL,
    organization_id UUID,
    only_for UUID[],
    byte_count BIGINT NOT NULL,
    lines_done INTEGER NOT NULL,
    lines_total INTEGER,
    counts JSONB DEFAULT '{}'::jsonb NOT NULL,
    failure_code TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_record_import PRIMARY KEY (id),
    CONSTRAINT ck_record_import_format
        CHECK (format IN ('csv', 'xlsx', 'ndjson', 'hsds', 'geojson')),
    CONSTRAINT ck_record_import_stage CHECK (
        stage IN ('received', 'reading', 'checked', 'done', 'failed', 'cancelled'))
)
""",
    """
CREATE INDEX ix_record_import_organization_id_received_at
    ON record_import (organization_id, received_at)
""",
    """
CREATE TABLE import_chunk (
    import_id UUID NOT NULL,
    number INTEGER NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT pk_import_chunk PRIMARY KEY (import_id, number),
    CONSTRAINT fk_import_chunk_import_id_record_import FOREIGN KEY(import_id)
        REFERENCES record_import (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE import_finding (
    id UUID NOT NULL,
    import_id UUID NOT NULL,
    line INTEGER NOT NULL,
    field TEXT NOT NULL,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    detail TEXT NOT NULL,
    near TEXT[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT pk_import_finding PRIMARY KEY (id),
    CONSTRAINT fk_import_finding_import_id_record_import FOREIGN KEY(import_id)
        REFERENCES record_import (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_import_finding_import_id_line_id ON import_finding (import_id, line, id)",
    """
CREATE TABLE source_absence (
    resource_id UUID NOT NULL,
    resource_type VARCHAR(40) NOT NULL,
    source TEXT NOT NULL,
    missing_since TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_source_absence PRIMARY KEY (resource_id),
    CONSTRAINT ck_source_absence_resource_type
        CHECK (resource_type IN ('organization', 'service'))
)
""",
    "CREATE INDEX ix_source_absence_source ON source_absence (source)",
)
DOWN = (
    "DROP TABLE source_absence",
    "DROP TABLE import_finding",
    "DROP TABLE import_chunk",
    "DROP TABLE record_import",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
