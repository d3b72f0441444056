"""Criteria as keyed pseudonyms. The words that stood there are forgotten: no key is at hand."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("import_row", "call_case")


def upgrade() -> None:
    _empty_as("bytea[]")


def downgrade() -> None:
    _empty_as("text[]")


def _empty_as(kind: str) -> None:
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN criteria DROP DEFAULT,"
            f" ALTER COLUMN criteria TYPE {kind} USING '{{}}',"
            f" ALTER COLUMN criteria SET DEFAULT '{{}}'::{kind}"
        )
