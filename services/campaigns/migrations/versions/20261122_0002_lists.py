"""Participations and call lists, per mutuality."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OWN_TENANT = "tenant = NULLIF(current_setting('maillage.tenant'::text, true), ''::text)"
SECURED = ("participation", "list_import", "import_chunk", "import_row", "import_issue")


def upgrade() -> None:
    op.create_table(
        "import_row",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "new",
                "changed",
                "same",
                "kept_out",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("person_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_names", sa.LargeBinary(), nullable=True),
        sa.Column("payload_key", sa.LargeBinary(), nullable=True),
        sa.Column(
            "phone_keys",
            postgresql.ARRAY(sa.LargeBinary()),
            server_default=sa.text("'{}'::bytea[]"),
            nullable=False,
        ),
        sa.Column(
            "sealed_phones",
            postgresql.ARRAY(sa.LargeBinary()),
            server_default=sa.text("'{}'::bytea[]"),
            nullable=False,
        ),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column(
            "languages",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("interpreter_needed", sa.Boolean(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=True),
        sa.Column("preferred_from", sa.Time(), nullable=True),
        sa.Column("preferred_until", sa.Time(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column(
            "criteria",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("do_not_call", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "import_id", "row_number", name=op.f("pk_import_row")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "list_import",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("content_key", sa.LargeBinary(), nullable=False),
        sa.Column("file_name", sa.LargeBinary(), nullable=True),
        sa.Column("byte_count", sa.Integer(), nullable=False),
        sa.Column("bytes_read", sa.Integer(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "received",
                "parsing",
                "validated",
                "awaiting_approval",
                "merging",
                "done",
                "cancelled",
                "failed",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("delimiter", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("rows_bad", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("merged_up_to", sa.Integer(), nullable=False),
        sa.Column("rows_merged", sa.Integer(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("parsing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("awaiting_approval_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_list_import_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_list_import")),
    )
    op.create_index(
        op.f("ix_list_import_campaign_id"), "list_import", ["campaign_id"], unique=False
    )
    op.create_index(
        "uq_list_import_live",
        "list_import",
        ["tenant", "campaign_id", "content_key"],
        unique=True,
        postgresql_where=sa.text("stage <> ALL (ARRAY['cancelled'::text, 'failed'::text])"),
    )
    op.create_table(
        "participation",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("caller_name", postgresql.JSONB(), nullable=False),
        sa.Column("ring_back_number", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_participation_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("tenant", "campaign_id", name=op.f("pk_participation")),
    )
    op.create_table(
        "import_chunk",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "import_id"],
            ["list_import.tenant", "list_import.id"],
            name=op.f("fk_import_chunk_tenant_list_import"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("tenant", "import_id", "number", name=op.f("pk_import_chunk")),
    )
    op.create_table(
        "import_issue",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("column_letters", sa.Text(), nullable=True),
        sa.Column("column_label", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "severity",
            sa.Enum(
                "error",
                "warning",
                "info",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "import_id"],
            ["list_import.tenant", "list_import.id"],
            name=op.f("fk_import_issue_tenant_list_import"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_import_issue")),
    )
    op.create_index(
        op.f("ix_import_issue_tenant_import_id_row_number_id"),
        "import_issue",
        ["tenant", "import_id", "row_number", "id"],
        unique=False,
    )
    for table in SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING ({OWN_TENANT}) WITH CHECK ({OWN_TENANT})"
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_import_issue_tenant_import_id_row_number_id"), table_name="import_issue")
    op.drop_table("import_issue")
    op.drop_table("import_chunk")
    op.drop_table("participation")
    op.drop_index(
        "uq_list_import_live",
        table_name="list_import",
        postgresql_where=sa.text("stage <> ALL (ARRAY['cancelled'::text, 'failed'::text])"),
    )
    op.drop_index(op.f("ix_list_import_campaign_id"), table_name="list_import")
    op.drop_table("list_import")
    op.drop_table("import_row")
