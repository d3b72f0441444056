"""A radius without a place to measure it from said nothing, and is refused now: kept searches lose
theirs, or they could not be read."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE saved_search SET query = query - 'radius_m' WHERE NOT query ? 'near'")


def downgrade() -> None:
    pass
