"""Leases, attempts and orientations, per mutuality."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWN_TENANT = "tenant = NULLIF(current_setting('maillage.tenant'::text, true), ''::text)"
SECURED = ("lease", "attempt", "late_result", "orientation")


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("counsellor", sa.Text(), nullable=False),
        sa.Column("fencing_token", sa.Integer(), nullable=False),
        sa.Column("leased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_lease_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "case_id"],
            ["call_case.tenant", "call_case.id"],
            name=op.f("fk_lease_tenant_call_case"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_lease")),
    )
    op.create_index(op.f("ix_lease_campaign_id"), "lease", ["campaign_id"], unique=False)
    op.create_index("ix_lease_case", "lease", ["tenant", "case_id"], unique=False)
    op.create_index(
        "ix_lease_counsellor", "lease", ["tenant", "counsellor", "leased_at"], unique=False
    )
    op.create_table(
        "attempt",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=False),
        sa.Column("counsellor", sa.Text(), nullable=False),
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
            nullable=False,
        ),
        sa.Column("phone_position", sa.SmallInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("callback_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "needs",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "obstacles",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column(
            "information_given",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("content_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("started_at <= ended_at", name=op.f("ck_attempt_duration")),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_attempt_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "case_id"],
            ["call_case.tenant", "call_case.id"],
            name=op.f("fk_attempt_tenant_call_case"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "lease_id"],
            ["lease.tenant", "lease.id"],
            name=op.f("fk_attempt_tenant_lease"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("tenant", "lease_id", name=op.f("uq_attempt_tenant_lease_id")),
    )
    op.create_index(
        "ix_attempt_campaign", "attempt", ["tenant", "campaign_id", "recorded_at"], unique=False
    )
    op.create_index(op.f("ix_attempt_campaign_id"), "attempt", ["campaign_id"], unique=False)
    op.create_index(
        "ix_attempt_case", "attempt", ["tenant", "case_id", "recorded_at"], unique=False
    )
    op.create_table(
        "late_result",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=False),
        sa.Column("content_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "lease_id"],
            ["lease.tenant", "lease.id"],
            name=op.f("fk_late_result_tenant_lease"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_late_result")),
        sa.UniqueConstraint(
            "tenant",
            "lease_id",
            "content_key",
            name=op.f("uq_late_result_tenant_lease_id_content_key"),
        ),
    )
    op.create_table(
        "orientation",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=False),
        sa.Column("counsellor", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column(
            "needs",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("consent", postgresql.JSONB(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "placed",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("sealed_card_code", sa.LargeBinary(), nullable=True),
        sa.Column("referral_state", sa.Text(), nullable=True),
        sa.Column(
            "person_answer",
            sa.Enum(
                "yes",
                "partly",
                "no",
                "unreachable",
                name="person_answer",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("refused_code", sa.Text(), nullable=True),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'placed'::text) = (referral_id IS NOT NULL)",
            name=op.f("ck_orientation_placed_has_referral"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_orientation_campaign_id_campaign"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "attempt_id"],
            ["attempt.tenant", "attempt.id"],
            name=op.f("fk_orientation_tenant_attempt"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "case_id"],
            ["call_case.tenant", "call_case.id"],
            name=op.f("fk_orientation_tenant_call_case"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_orientation")),
        sa.UniqueConstraint("tenant", "attempt_id", name=op.f("uq_orientation_tenant_attempt_id")),
    )
    op.create_index(
        op.f("ix_orientation_campaign_id"), "orientation", ["campaign_id"], unique=False
    )
    op.create_index("ix_orientation_case", "orientation", ["tenant", "case_id"], unique=False)
    op.create_index(
        "ix_orientation_counsellor",
        "orientation",
        ["tenant", "counsellor", "requested_at"],
        unique=False,
    )
    for table in SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_tenant ON {table} USING ({OWN_TENANT}) WITH CHECK ({OWN_TENANT})"
        )


def downgrade() -> None:
    op.drop_index("ix_orientation_counsellor", table_name="orientation")
    op.drop_index("ix_orientation_case", table_name="orientation")
    op.drop_index(op.f("ix_orientation_campaign_id"), table_name="orientation")
    op.drop_table("orientation")
    op.drop_table("late_result")
    op.drop_index("ix_attempt_case", table_name="attempt")
    op.drop_index(op.f("ix_attempt_campaign_id"), table_name="attempt")
    op.drop_index("ix_attempt_campaign", table_name="attempt")
    op.drop_table("attempt")
    op.drop_index("ix_lease_counsellor", table_name="lease")
    op.drop_index("ix_lease_case", table_name="lease")
    op.drop_index(op.f("ix_lease_campaign_id"), table_name="lease")
    op.drop_table("lease")
