"""People, cases, leases, attempts, orientations and objections. Tenant tables."""

from datetime import datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from maillage_campaigns.models.columns import belongs, binaries, small, tenant_key, texts
from maillage_campaigns.results import AaporClass, CallResult, ClosedBecause
from maillage_common import columns


class ObjectionScope(StrEnum):
    CAMPAIGN = "campaign"
    THEME = "theme"
    ALL = "all"


class ObjectionSource(StrEnum):
    CALL = "call"
    LIST = "list"
    BACK_OFFICE = "back_office"


class OrientationState(StrEnum):
    PENDING = "pending"
    PLACED = "placed"
    REFUSED = "refused"


class PersonAnswer(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNREACHABLE = "unreachable"


class Person(SQLModel, table=True):
    """Known by a keyed pseudonym; `leased_until` and `fence` are the lease's lock and token.

    They stand here and not on the case, so that one person cannot be called by two campaigns at
    once: the claim updates this row, and PostgreSQL evaluates a locked row's newest version again.
    """

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("tenant", "person_key"),)

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    person_key: bytes = columns.binary()
    payload_key: bytes = columns.binary()
    sealed_names: bytes = columns.binary()
    birth_year: int | None = small(nullable=True)
    languages: list[str] = texts()
    languages_heard: list[str] | None = Field(
        default=None,
        nullable=True,
        sa_type=ARRAY(Text),
    )
    interpreter_needed: bool = False
    territory: str | None = columns.plain_text(nullable=True)
    preferred_from: time | None = Field(default=None, nullable=True)
    preferred_until: time | None = Field(default=None, nullable=True)
    deceased_at: datetime | None = columns.instant()
    moved_at: datetime | None = columns.instant()
    leased_until: datetime | None = columns.instant()
    fence: int = 0
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class PersonPhone(SQLModel, table=True):
    """One number, by preference (position 1 first)."""

    __tablename__ = "person_phone"
    __table_args__ = (
        belongs("person_id", "person"),
        Index(None, "tenant", "phone_key"),
    )

    tenant: str = tenant_key()
    person_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    phone_key: bytes = columns.binary()
    sealed: bytes = columns.binary()
    failed_at: datetime | None = columns.instant()


class CallCase(SQLModel, table=True):
    """One person in one campaign. Derived fields are written by `calling.lifecycle` alone."""

    __tablename__ = "call_case"
    __table_args__ = (
        belongs("person_id", "person"),
        UniqueConstraint("tenant", "campaign_id", "person_id"),
        Index(
            "ix_call_case_callback",
            "tenant",
            "campaign_id",
            "next_due_at",
            postgresql_where=text("callback_at IS NOT NULL"),
        ),
        Index(
            "ix_call_case_open",
            "tenant",
            "campaign_id",
            text("priority DESC"),
            "next_due_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_call_case_person", "tenant", "person_id"),
        CheckConstraint("(closed_at IS NULL) = (closed_because IS NULL)", name="closed"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    person_id: UUID
    import_id: UUID
    row_number: int
    priority: int = small(default=0)
    criteria: list[bytes] = binaries()
    attempts: int = small(default=0)
    voicemails: int = small(default=0)
    result: CallResult | None = columns.enum_column(CallResult, "result", nullable=True)
    aapor_class: AaporClass | None = columns.enum_column(AaporClass, "aapor_class", nullable=True)
    next_due_at: datetime = columns.instant(nullable=False)
    callback_at: datetime | None = columns.instant()
    callback_by: str | None = columns.plain_text(nullable=True)
    closed_at: datetime | None = columns.instant()
    closed_because: ClosedBecause | None = columns.enum_column(
        ClosedBecause, "closed_because", nullable=True
    )
    created_at: datetime = columns.created_at()


class Counsellor(SQLModel, table=True):
    """The languages a counsellor last said they speak."""

    __tablename__ = "counsellor"

    tenant: str = tenant_key()
    subject: str = columns.plain_text(primary_key=True)
    languages: list[str] = texts()
    updated_at: datetime = columns.updated_at()


class Lease(SQLModel, table=True):
    __tablename__ = "lease"
    __table_args__ = (
        belongs("case_id", "call_case"),
        Index("ix_lease_case", "tenant", "case_id"),
        Index("ix_lease_counsellor", "tenant", "counsellor", "leased_at"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    case_id: UUID
    person_id: UUID
    counsellor: str = columns.plain_text()
    fencing_token: int
    leased_at: datetime = columns.instant(nullable=False)
    expires_at: datetime = columns.instant(nullable=False)
    released_at: datetime | None = columns.instant()
    completed_at: datetime | None = columns.instant()


class Attempt(SQLModel, table=True):
    """One dial and what came of it. Coded throughout: no free text about a person."""

    __tablename__ = "attempt"
    __table_args__ = (
        belongs("case_id", "call_case"),
        belongs("lease_id", "lease"),
        UniqueConstraint("tenant", "lease_id"),
        Index("ix_attempt_case", "tenant", "case_id", "recorded_at"),
        Index("ix_attempt_campaign", "tenant", "campaign_id", "recorded_at"),
        CheckConstraint("started_at <= ended_at", name="duration"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    case_id: UUID
    lease_id: UUID
    counsellor: str = columns.plain_text()
    result: CallResult = columns.enum_column(CallResult, "result")
    phone_position: int | None = small(nullable=True)
    started_at: datetime = columns.instant(nullable=False)
    ended_at: datetime = columns.instant(nullable=False)
    callback_at: datetime | None = columns.instant()
    needs: list[str] = texts()
    obstacles: list[str] = texts()
    information_given: list[str] = texts()
    content_key: bytes = columns.binary()
    recorded_at: datetime = columns.created_at()


class LateResult(SQLModel, table=True):
    """A result that came under an old fencing token: evidence, sealed, changes nothing."""

    __tablename__ = "late_result"
    __table_args__ = (
        belongs("lease_id", "lease"),
        UniqueConstraint("tenant", "lease_id", "content_key"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    lease_id: UUID
    content_key: bytes = columns.binary()
    sealed: bytes = columns.binary()
    received_at: datetime = columns.created_at()


class Orientation(SQLModel, table=True):
    """From a call to a service: what referrals made of it, and the person's own answer."""

    __tablename__ = "orientation"
    __table_args__ = (
        belongs("case_id", "call_case"),
        belongs("attempt_id", "attempt"),
        UniqueConstraint("tenant", "attempt_id"),
        Index("ix_orientation_counsellor", "tenant", "counsellor", "requested_at"),
        Index("ix_orientation_case", "tenant", "case_id"),
        CheckConstraint(
            "(state = 'placed'::text) = (referral_id IS NOT NULL)", name="placed_has_referral"
        ),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    case_id: UUID
    attempt_id: UUID
    lease_id: UUID
    counsellor: str = columns.plain_text()
    organization_id: UUID | None = Field(default=None, nullable=True)
    service_id: UUID
    needs: list[str] = texts()
    consent: dict[str, Any] = columns.jsonb()
    state: OrientationState = columns.enum_column(OrientationState, "state")
    referral_id: UUID | None = Field(default=None, nullable=True)
    sealed_card_code: bytes | None = columns.binary(nullable=True)
    referral_state: str | None = columns.plain_text(nullable=True)
    person_answer: PersonAnswer | None = columns.enum_column(
        PersonAnswer, "person_answer", nullable=True
    )
    refused_code: str | None = columns.plain_text(nullable=True)
    requested_at: datetime = columns.created_at()
    placed_at: datetime | None = columns.instant()
    last_event_at: datetime | None = columns.instant()
    answered_at: datetime | None = columns.instant()


class Objection(SQLModel, table=True):
    """Lasting, by keyed pseudonyms alone, so that it outlives the person's data. Held once."""

    __tablename__ = "objection"
    __table_args__ = (
        Index(
            "uq_objection_target",
            "tenant",
            "scope",
            text("COALESCE(campaign_id::text, theme, ''::text)"),
            text("COALESCE(person_key, phone_key)"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_objection_person", "tenant", "person_key"),
        Index("ix_objection_phone", "tenant", "phone_key"),
        CheckConstraint("num_nonnulls(person_key, phone_key) = 1", name="one_key"),
        CheckConstraint(
            "(scope = 'campaign'::text) = (campaign_id IS NOT NULL)", name="campaign_scope"
        ),
        CheckConstraint("(scope = 'theme'::text) = (theme IS NOT NULL)", name="theme_scope"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    scope: ObjectionScope = columns.enum_column(ObjectionScope, "scope")
    campaign_id: UUID | None = columns.foreign_key("campaign.id", nullable=True, index=False)
    theme: str | None = columns.plain_text(nullable=True)
    person_key: bytes | None = columns.binary(nullable=True)
    phone_key: bytes | None = columns.binary(nullable=True)
    source: ObjectionSource = columns.enum_column(ObjectionSource, "source")
    recorded_at: datetime = columns.created_at()
    withdrawn_at: datetime | None = columns.instant()
