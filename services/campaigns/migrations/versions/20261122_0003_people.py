"""People, their cases and objections, per mutuality."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OWN_TENANT = "tenant = NULLIF(current_setting('maillage.tenant'::text, true), ''::text)"
SECURED = ("person", "person_phone", "call_case", "counsellor", "objection")


def upgrade() -> None:
    op.create_table(
        "counsellor",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "languages",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tenant", "subject", name=op.f("pk_counsellor")),
    )
    op.create_table(
        "person",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_key", sa.LargeBinary(), nullable=False),
        sa.Column("payload_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_names", sa.LargeBinary(), nullable=False),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column(
            "languages",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("languages_heard", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("interpreter_needed", sa.Boolean(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=True),
        sa.Column("preferred_from", sa.Time(), nullable=True),
        sa.Column("preferred_until", sa.Time(), nullable=True),
        sa.Column("deceased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_person")),
        sa.UniqueConstraint("tenant", "person_key", name=op.f("uq_person_tenant_person_key")),
    )
    op.create_table(
        "call_case",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column(
            "criteria",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("voicemails", sa.SmallInteger(), nullable=False),
        sa.Column(
            "result",
            sa.Enum(
                "complete",
                "partial",
                "refused",
                "broke_off",
                "call_back",
                "relative_answered",
                "voicemail_left",
                "voicemail",
                "deceased",
                "unable",
                "language_barrier",
                "busy",
                "no_answer",
                "technical_problem",
                "wrong_number",
                "out_of_service",
                "moved_away",
                "left_mutuality",
                name="result",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "aapor_class",
            sa.Enum(
                "I",
                "P",
                "R",
                "NC",
                "O",
                "UH",
                "UO",
                "NE",
                name="aapor_class",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("callback_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "closed_because",
            sa.Enum(
                "completed",
                "refused",
                "objection",
                "not_eligible",
                "deceased",
                "unable",
                "attempts_exhausted",
                "no_number",
                name="closed_because",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_because IS NULL)", name=op.f("ck_call_case_closed")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_call_case_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "person_id"],
            ["person.tenant", "person.id"],
            name=op.f("fk_call_case_tenant_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_call_case")),
        sa.UniqueConstraint(
            "tenant",
            "campaign_id",
            "person_id",
            name=op.f("uq_call_case_tenant_campaign_id_person_id"),
        ),
    )
    op.create_index(
        "ix_call_case_callback",
        "call_case",
        ["tenant", "campaign_id", "next_due_at"],
        unique=False,
        postgresql_where=sa.text("callback_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_call_case_campaign_id"), "call_case", ["campaign_id"], unique=False)
    op.create_index(
        "ix_call_case_open",
        "call_case",
        ["tenant", "campaign_id", sa.literal_column("priority DESC"), "next_due_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_call_case_person", "call_case", ["tenant", "person_id"], unique=False)
    op.create_table(
        "objection",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(
                "campaign",
                "theme",
                "all",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("theme", sa.Text(), nullable=True),
        sa.Column("person_key", sa.LargeBinary(), nullable=True),
        sa.Column("phone_key", sa.LargeBinary(), nullable=True),
        sa.Column(
            "source",
            sa.Enum(
                "call",
                "list",
                "back_office",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(scope = 'campaign'::text) = (campaign_id IS NOT NULL)",
            name=op.f("ck_objection_campaign_scope"),
        ),
        sa.CheckConstraint(
            "(scope = 'theme'::text) = (theme IS NOT NULL)", name=op.f("ck_objection_theme_scope")
        ),
        sa.CheckConstraint(
            "num_nonnulls(person_key, phone_key) = 1", name=op.f("ck_objection_one_key")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_objection_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_objection")),
    )
    op.create_index("ix_objection_person", "objection", ["tenant", "person_key"], unique=False)
    op.create_index("ix_objection_phone", "objection", ["tenant", "phone_key"], unique=False)
    op.create_index(
        "uq_objection_target",
        "objection",
        [
            "tenant",
            "scope",
            sa.literal_column("COALESCE(campaign_id::text, theme, ''::text)"),
            sa.literal_column("COALESCE(person_key, phone_key)"),
        ],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "person_phone",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("phone_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "person_id"],
            ["person.tenant", "person.id"],
            name=op.f("fk_person_phone_tenant_person"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "person_id", "position", name=op.f("pk_person_phone")),
    )
    op.create_index(
        op.f("ix_person_phone_tenant_phone_key"),
        "person_phone",
        ["tenant", "phone_key"],
        unique=False,
    )
    for table in SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING ({OWN_TENANT}) WITH CHECK ({OWN_TENANT})"
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_person_phone_tenant_phone_key"), table_name="person_phone")
    op.drop_table("person_phone")
    op.drop_index(
        "uq_objection_target",
        table_name="objection",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.drop_index("ix_objection_phone", table_name="objection")
    op.drop_index("ix_objection_person", table_name="objection")
    op.drop_table("objection")
    op.drop_index("ix_call_case_person", table_name="call_case")
    op.drop_index(
        "ix_call_case_open", table_name="call_case", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(op.f("ix_call_case_campaign_id"), table_name="call_case")
    op.drop_index(
        "ix_call_case_callback",
        table_name="call_case",
        postgresql_where=sa.text("callback_at IS NOT NULL"),
    )
    op.drop_table("call_case")
    op.drop_table("person")
    op.drop_table("counsellor")
