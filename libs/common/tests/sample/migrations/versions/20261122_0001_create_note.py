"""The common tables, and one table of notes under row-level security."""

from alembic import op

from maillage_common.migrations import create_common_tables, drop_common_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APP_ROLE = "sample_app"


def upgrade() -> None:
    create_common_tables(op, app_role=APP_ROLE)
    op.execute(
        "CREATE TABLE note ("
        " id uuid NOT NULL CONSTRAINT pk_note PRIMARY KEY,"
        " tenant text NOT NULL, words text NOT NULL,"
        " version integer NOT NULL DEFAULT 1,"
        " CONSTRAINT uq_note_tenant_words UNIQUE (tenant, words))"
    )
    op.execute("ALTER TABLE note ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE note FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON note"
        " USING (tenant = current_setting('maillage.tenant', true))"
        " WITH CHECK (tenant = current_setting('maillage.tenant', true))"
    )


def downgrade() -> None:
    op.execute("DROP TABLE note")
    drop_common_tables(op, app_role=APP_ROLE)
