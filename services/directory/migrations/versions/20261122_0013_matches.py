"""What a saved search found, so that it is told when a service leaves.

Searches saved before know only what they are told from now on.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
CREATE TABLE saved_search_match (
    saved_search_id UUID NOT NULL,
    service_id UUID NOT NULL,
    CONSTRAINT pk_saved_search_match PRIMARY KEY (saved_search_id, service_id),
    CONSTRAINT fk_saved_search_match_saved_search_id_saved_search FOREIGN KEY(saved_search_id)
        REFERENCES saved_search (id) ON DELETE CASCADE
)
""")


def downgrade() -> None:
    op.execute("DROP TABLE saved_search_match")
