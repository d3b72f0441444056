"""Checks of organizations beside those of services."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UP = (
    "ALTER TABLE verification ALTER COLUMN service_id DROP NOT NULL",
    "ALTER TABLE verification ADD COLUMN checked_organization_id UUID",
    """
ALTER TABLE verification ADD CONSTRAINT fk_verification_checked_organization_id_organization
    FOREIGN KEY(checked_organization_id) REFERENCES organization (id) ON DELETE CASCADE
""",
    """
ALTER TABLE verification ADD CONSTRAINT ck_verification_one_record
    CHECK (num_nonnulls(service_id, checked_organization_id) = 1)
""",
    """
CREATE INDEX ix_verification_checked_organization_id_verified_at
    ON verification (checked_organization_id, verified_at)
""",
)
DOWN = (
    "DELETE FROM verification WHERE service_id IS NULL",
    "ALTER TABLE verification DROP COLUMN checked_organization_id",
    "ALTER TABLE verification ALTER COLUMN service_id SET NOT NULL",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
