"""What a person agreed to, whom they know, whom they keep out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_referrals.vocabulary import (
    ALL_ORDINARY,
    Category,
    ConsentScope,
    ConsentStatus,
    GranteeKind,
    LinkEnd,
    LinkEvidence,
    Proof,
    Purpose,
)


def text_array() -> Any:
    return Field(nullable=False, sa_type=ARRAY(Text))


def within(column: str, values: list[str]) -> str:
    """SQL: every element of the array is one of `values`."""
    listed = ", ".join(f"'{value}'::text" for value in values)
    return f"{column} <@ ARRAY[{listed}]"


NAMEABLE = [ALL_ORDINARY, *Category]


class Consent(SQLModel, table=True):
    """Who may see what, why and until when; how the person gave it and who wrote it down.

    `grantee_*`: exactly the column that `grantee_kind` names is filled.
    """

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint(within("categories", [*map(str, NAMEABLE)]), name="categories_known"),
        CheckConstraint(within("purposes", [*map(str, Purpose)]), name="purposes_known"),
        CheckConstraint("cardinality(categories) > 0", name="categories_given"),
        CheckConstraint("cardinality(purposes) > 0", name="purposes_given"),
        CheckConstraint("valid_from < valid_until", name="validity"),
        CheckConstraint(
            "(grantee_kind = 'organization') = (grantee_organization IS NOT NULL)"
            " AND (grantee_kind = 'function') = (grantee_function IS NOT NULL)"
            " AND (grantee_kind = 'person') = (grantee_person IS NOT NULL)",
            name="grantee",
        ),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn"),
        CheckConstraint("(status = 'expired') = (expired_at IS NOT NULL)", name="expired"),
        CheckConstraint("(status = 'replaced') = (replaced_by_id IS NOT NULL)", name="replaced"),
        CheckConstraint(
            "(status IN ('proposed')) <= (activated_at IS NULL)", name="proposed_not_activated"
        ),
        CheckConstraint("status <> 'active' OR activated_at IS NOT NULL", name="activated"),
        CheckConstraint("status <> 'active' OR proof IS NOT NULL", name="proved"),
        Index(None, "subject_id", "status"),
        Index("ix_consent_running", "valid_until", postgresql_where=text("status = 'active'")),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE", index=False)
    scope: ConsentScope = columns.enum_column(ConsentScope, "scope")
    status: ConsentStatus = columns.enum_column(ConsentStatus, "status")
    grantee_kind: GranteeKind = columns.enum_column(GranteeKind, "grantee_kind")
    grantee_organization: UUID | None = Field(default=None, index=True)
    grantee_function: str | None = columns.plain_text(nullable=True)
    grantee_person: str | None = columns.plain_text(nullable=True)
    categories: list[str] = text_array()
    purposes: list[str] = text_array()
    valid_from: datetime = columns.instant(nullable=False)
    valid_until: datetime = columns.instant(nullable=False)
    proof: Proof | None = columns.enum_column(Proof, "proof", nullable=True)
    proof_card_id: UUID | None = columns.foreign_key("card.id", nullable=True, index=False)
    text_language: str = columns.plain_text()
    text_version: str = columns.plain_text()
    with_interpreter: bool = Field(default=False)
    recorded_by_organization: UUID | None = Field(default=None, index=True)
    recorded_by: str = columns.plain_text()
    created_at: datetime = columns.created_at()
    activated_at: datetime | None = columns.instant()
    withdrawn_at: datetime | None = columns.instant()
    expired_at: datetime | None = columns.instant()
    replaced_by_id: UUID | None = columns.foreign_key("consent.id", nullable=True, index=False)
    version: int = columns.version()


class CareLink(SQLModel, table=True):
    """An organization, or one person in it, looks after the subject for a while."""

    __tablename__ = "care_link"
    __table_args__ = (
        CheckConstraint("started_at < expires_at", name="period"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_someone"),
        CheckConstraint(
            "(evidence = 'accepted_referral') = (referral_id IS NOT NULL)", name="referral_evidence"
        ),
        CheckConstraint("(evidence = 'card_read') = (card_id IS NOT NULL)", name="card_evidence"),
        Index(None, "subject_id", "organization"),
        Index("ix_care_link_running", "expires_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE", index=False)
    organization: UUID = Field()
    person: str | None = columns.plain_text(nullable=True)
    evidence: LinkEvidence = columns.enum_column(LinkEvidence, "evidence")
    referral_id: UUID | None = columns.foreign_key("referral.id", nullable=True, index=False)
    card_id: UUID | None = columns.foreign_key("card.id", nullable=True, index=False)
    recorded_by: str = columns.plain_text()
    started_at: datetime = columns.instant(nullable=False)
    expires_at: datetime = columns.instant(nullable=False)
    ended_at: datetime | None = columns.instant()
    ended_by: LinkEnd | None = columns.enum_column(LinkEnd, "ended_by", nullable=True)


class Exclusion(SQLModel, table=True):
    """The person keeps an organization, or one person, away from everything about them."""

    __tablename__ = "exclusion"
    __table_args__ = (
        CheckConstraint(
            "(organization IS NULL) <> (person IS NULL)", name="organization_or_person"
        ),
        Index(
            "uq_exclusion_organization",
            "subject_id",
            "organization",
            unique=True,
            postgresql_where=text("organization IS NOT NULL AND lifted_at IS NULL"),
        ),
        Index(
            "uq_exclusion_person",
            "subject_id",
            "person",
            unique=True,
            postgresql_where=text("person IS NOT NULL AND lifted_at IS NULL"),
        ),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE", index=False)
    organization: UUID | None = Field(default=None)
    person: str | None = columns.plain_text(nullable=True)
    created_at: datetime = columns.created_at()
    lifted_at: datetime | None = columns.instant()
