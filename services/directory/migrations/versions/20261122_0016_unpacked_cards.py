"""Cards are kept as they are up to 8 kB: most are just above the 2 kB from which PostgreSQL packs
them at each write and unpacks them at each read. Those written before stay as they are.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE card SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    op.execute("ALTER TABLE card RESET (toast_tuple_target)")
