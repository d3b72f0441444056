"""Saved searches and the endpoints that are told of them."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UP = (
    """
CREATE TABLE registered_webhook (
    id UUID NOT NULL,
    client_id TEXT NOT NULL,
    organization_id UUID,
    url TEXT NOT NULL,
    sealed_secret BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_registered_webhook PRIMARY KEY (id)
)
""",
    "CREATE INDEX ix_registered_webhook_client_id ON registered_webhook (client_id)",
    """
CREATE TABLE saved_search (
    id UUID NOT NULL,
    webhook_id UUID NOT NULL,
    client_id TEXT NOT NULL,
    organization_id UUID,
    function TEXT,
    query JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_saved_search PRIMARY KEY (id),
    CONSTRAINT fk_saved_search_webhook_id_registered_webhook FOREIGN KEY(webhook_id)
        REFERENCES registered_webhook (id) ON DELETE CASCADE
)
""",
    "CREATE INDEX ix_saved_search_webhook_id ON saved_search (webhook_id)",
    "CREATE INDEX ix_saved_search_client_id ON saved_search (client_id)",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE saved_search")
    op.execute("DROP TABLE registered_webhook")
