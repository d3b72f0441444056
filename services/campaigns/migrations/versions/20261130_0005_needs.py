"""A copy of the directory's needs, so that no other word is taken for one."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TABLE code_copy ("
        " list_name text NOT NULL CONSTRAINT pk_code_copy PRIMARY KEY,"
        " tag text NOT NULL, present text[] NOT NULL, names jsonb NOT NULL,"
        " copied_at timestamptz NOT NULL DEFAULT now())"
    )


def downgrade() -> None:
    op.execute("DROP TABLE code_copy")
