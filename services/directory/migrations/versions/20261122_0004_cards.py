"""Cards: one row for each record as readers see it; the members that HSDS has and no query asks.

`service_search` gives up its card. The rows are derived: they are filled again by
`load-reference`, which every start runs after the migrations.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = (
    """
CREATE TABLE card (
    resource_id UUID NOT NULL,
    resource_type VARCHAR(40) NOT NULL,
    organization_id UUID NOT NULL,
    visibility VARCHAR(40) NOT NULL,
    network TEXT,
    organization_visibility VARCHAR(40) NOT NULL,
    organization_network TEXT,
    source TEXT NOT NULL,
    sort_name TEXT NOT NULL,
    content JSONB NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_card PRIMARY KEY (resource_id),
    CONSTRAINT ck_card_resource_type CHECK (resource_type IN ('organization', 'service')),
    CONSTRAINT ck_card_visibility
        CHECK (visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT ck_card_organization_visibility
        CHECK (organization_visibility IN ('public', 'professional', 'network', 'own')),
    CONSTRAINT fk_card_organization_id_organization FOREIGN KEY(organization_id)
        REFERENCES organization (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_card_organization_id ON card (organization_id)",
    "CREATE INDEX ix_card_resource_type_resource_id ON card (resource_type, resource_id)",
    """
CREATE INDEX ix_card_resource_type_sort_name_resource_id
    ON card (resource_type, sort_name, resource_id)
""",
    "ALTER TABLE organization ADD COLUMN parent_id UUID",
    "ALTER TABLE organization ADD COLUMN details JSONB DEFAULT '{}'::jsonb NOT NULL",
    "ALTER TABLE organization ADD COLUMN field_visibility JSONB DEFAULT '{}'::jsonb NOT NULL",
    "ALTER TABLE organization ADD COLUMN agreed_on DATE",
    """
ALTER TABLE organization ADD CONSTRAINT fk_organization_parent_id_organization
    FOREIGN KEY(parent_id) REFERENCES organization (id) ON DELETE SET NULL
""",
    "CREATE INDEX ix_organization_parent_id ON organization (parent_id)",
    """
ALTER TABLE organization ADD CONSTRAINT ck_organization_informal_ones_agreed
    CHECK (kind <> 'informal_network' OR visibility <> 'public' OR agreed_on IS NOT NULL)
""",
    "ALTER TABLE service ADD COLUMN details JSONB DEFAULT '{}'::jsonb NOT NULL",
    "ALTER TABLE service ADD COLUMN field_visibility JSONB DEFAULT '{}'::jsonb NOT NULL",
    "ALTER TABLE location ADD COLUMN details JSONB DEFAULT '{}'::jsonb NOT NULL",
    "DELETE FROM service_search",
    "ALTER TABLE service_search ADD COLUMN source TEXT NOT NULL",
    "ALTER TABLE service_search DROP COLUMN card",
    "ALTER TABLE service_search DROP COLUMN version",
    "ALTER TABLE service_search DROP COLUMN updated_at",
)
DOWN = (
    "DELETE FROM service_search",
    "ALTER TABLE service_search DROP COLUMN source",
    "ALTER TABLE service_search ADD COLUMN card JSONB NOT NULL",
    "ALTER TABLE service_search ADD COLUMN version INTEGER NOT NULL",
    "ALTER TABLE service_search ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE NOT NULL",
    "ALTER TABLE location DROP COLUMN details",
    "ALTER TABLE service DROP COLUMN field_visibility",
    "ALTER TABLE service DROP COLUMN details",
    "ALTER TABLE organization DROP COLUMN agreed_on",
    "ALTER TABLE organization DROP COLUMN field_visibility",
    "ALTER TABLE organization DROP COLUMN details",
    "ALTER TABLE organization DROP COLUMN parent_id",
    "DROP TABLE card",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
