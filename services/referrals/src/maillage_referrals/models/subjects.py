"""People, as a pseudonym and nothing else, and the cards they hold."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_referrals.vocabulary import RevocationReason


class Subject(SQLModel, table=True):
    """One person. The id is the internal pseudonym: random, and never leaves the service bare."""

    __tablename__ = "subject"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    created_at: datetime = columns.created_at()
    created_by_organization: UUID | None = Field(default=None)


class Card(SQLModel, table=True):
    """A card in the person's hand: a secret that opens (we keep a hash), a code that locates."""

    __tablename__ = "card"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{12}$'", name="code_digits"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_length"),
        CheckConstraint(
            "(revoked_at IS NULL) = (revocation_reason IS NULL)", name="revoked_with_reason"
        ),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE")
    code: str = columns.plain_text(unique=True)
    secret_hash: bytes = Field(unique=True)
    issued_by_organization: UUID | None = Field(default=None)
    created_at: datetime = columns.created_at()
    revoked_at: datetime | None = columns.instant()
    revocation_reason: RevocationReason | None = columns.enum_column(
        RevocationReason, "revocation_reason", nullable=True
    )


class OneTimeCode(SQLModel, table=True):
    """A code that the person reads out once, instead of showing the card."""

    __tablename__ = "one_time_code"
    __table_args__ = (CheckConstraint("octet_length(code_hash) = 32", name="code_hash_length"),)

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE")
    code_hash: bytes = Field()
    created_at: datetime = columns.created_at()
    expires_at: datetime = columns.instant(nullable=False)
    used_at: datetime | None = columns.instant()
