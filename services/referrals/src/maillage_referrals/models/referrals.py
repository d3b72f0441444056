"""Referrals, what happened to them, and how the receiver knows whom to expect."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_referrals.models.consents import text_array, within
from maillage_referrals.models.pointers import REFERENCE_PATTERN, SENSITIVE_VALUES
from maillage_referrals.vocabulary import (
    Accompaniment,
    AnsweredBy,
    HandOverKind,
    OutcomeCode,
    PersonAnswer,
    Purpose,
    ReferralStatus,
    Role,
    ServiceOutcome,
    TransitionReason,
)


class Referral(SQLModel, table=True):
    """One orientation, followed until the person has an answer.

    `closed_at` is null while somebody still owes the person an answer.
    """

    __tablename__ = "referral"
    __table_args__ = (
        CheckConstraint(within("sensitive_categories", SENSITIVE_VALUES), name="sensitive_known"),
        CheckConstraint("cardinality(needs) BETWEEN 1 AND 10", name="needs_count"),
        CheckConstraint("(status = 'on_hold') = (on_hold_until IS NOT NULL)", name="on_hold_until"),
        CheckConstraint("(status = 'rerouted') = (rerouted_to IS NOT NULL)", name="rerouted_to"),
        CheckConstraint(
            "status NOT IN ('rejected', 'failed') OR reason IS NOT NULL", name="reason_given"
        ),
        CheckConstraint(
            "status <> 'completed' OR service_outcome IS NOT NULL", name="outcome_given"
        ),
        CheckConstraint(
            "(service_outcome IS NULL) = (outcome_code IS NULL)", name="outcome_with_code"
        ),
        CheckConstraint(
            "(person_answer IS NULL) = (person_answer_at IS NULL)"
            " AND (person_answer IS NULL) = (person_answer_by IS NULL)",
            name="answer_with_origin",
        ),
        CheckConstraint(
            f"sender_reference ~ '{REFERENCE_PATTERN}'"
            f" AND receiver_reference ~ '{REFERENCE_PATTERN}'",
            name="references",
        ),
        Index(None, "sender_organization", "id"),
        Index(None, "receiver_organization", "id"),
        Index(
            "uq_referral_through_service",
            "sender_organization",
            "sender_service",
            "sender_reference",
            unique=True,
            postgresql_where=text("sender_service IS NOT NULL AND sender_reference IS NOT NULL"),
        ),
        Index(
            "ix_referral_running",
            "expires_at",
            postgresql_where=text(
                "status IN ('draft', 'requested', 'received', 'accepted', 'in_progress',"
                " 'on_hold', 'no_show')"
            ),
        ),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE")
    consent_id: UUID = columns.foreign_key("consent.id")
    status: ReferralStatus = columns.enum_column(ReferralStatus, "status")
    purpose: Purpose = columns.enum_column(Purpose, "purpose")
    needs: list[str] = text_array()
    sensitive_categories: list[str] = text_array()
    sender_organization: UUID = Field()
    sender: str = columns.plain_text()
    sender_function: str | None = columns.plain_text(nullable=True)
    sender_service: str | None = columns.plain_text(nullable=True)
    sender_reference: str | None = columns.plain_text(nullable=True)
    receiver_organization: UUID = Field()
    receiver_reference: str | None = columns.plain_text(nullable=True)
    service_id: UUID = Field()
    accompaniment: Accompaniment = columns.enum_column(Accompaniment, "accompaniment")
    follows_id: UUID | None = columns.foreign_key("referral.id", nullable=True, index=False)
    reason: TransitionReason | None = columns.enum_column(TransitionReason, "reason", nullable=True)
    rerouted_to: UUID | None = Field(default=None)
    on_hold_until: datetime | None = columns.instant()
    service_outcome: ServiceOutcome | None = columns.enum_column(
        ServiceOutcome, "service_outcome", nullable=True
    )
    outcome_code: OutcomeCode | None = columns.enum_column(
        OutcomeCode, "outcome_code", nullable=True
    )
    person_answer: PersonAnswer | None = columns.enum_column(
        PersonAnswer, "person_answer", nullable=True
    )
    person_answer_at: datetime | None = columns.instant()
    person_answer_by: AnsweredBy | None = columns.enum_column(
        AnsweredBy, "person_answer_by", nullable=True
    )
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    due_at: datetime = columns.instant(nullable=False)
    expires_at: datetime = columns.instant(nullable=False)
    closed_at: datetime | None = columns.instant()
    version: int = columns.version()


class ReferralEvent(SQLModel, table=True):
    """One step of a referral's life. Written once, never changed."""

    __tablename__ = "referral_event"
    __table_args__ = (Index(None, "referral_id", "id"),)

    id: UUID = columns.uuid_pk()
    referral_id: UUID = columns.foreign_key("referral.id", ondelete="CASCADE", index=False)
    at: datetime = columns.created_at()
    from_status: ReferralStatus | None = columns.enum_column(
        ReferralStatus, "from_status", nullable=True
    )
    to_status: ReferralStatus = columns.enum_column(ReferralStatus, "to_status")
    by: Role = columns.enum_column(Role, "by")
    person_answer: PersonAnswer | None = columns.enum_column(
        PersonAnswer, "person_answer", nullable=True
    )


class HandOver(SQLModel, table=True):
    """How the receiver recognises the person; `sealed` is an envelope for the receiver alone."""

    __tablename__ = "hand_over"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="slot"),
        CheckConstraint(
            "destroyed_at IS NULL OR (card_code IS NULL AND starts_at IS NULL AND ends_at IS NULL"
            " AND sealed IS NULL)",
            name="destroyed_is_empty",
        ),
        CheckConstraint(
            "destroyed_at IS NOT NULL OR ((kind = 'card_code') = (card_code IS NOT NULL)"
            " AND (kind = 'appointment') = (starts_at IS NOT NULL)"
            " AND (kind = 'contact') = (sealed IS NOT NULL))",
            name="kind_filled",
        ),
    )

    referral_id: UUID = columns.foreign_key("referral.id", ondelete="CASCADE", primary_key=True)
    kind: HandOverKind = columns.enum_column(HandOverKind, "kind")
    card_code: str | None = columns.plain_text(nullable=True)
    starts_at: datetime | None = columns.instant()
    ends_at: datetime | None = columns.instant()
    sealed: bytes | None = columns.binary(nullable=True)
    created_at: datetime = columns.created_at()
    destroyed_at: datetime | None = columns.instant()
