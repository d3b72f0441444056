"""Services: what they do, for whom, where they go, whether they can take someone now."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    members,
    members_of,
    network_is_named,
    small_number,
    text_array,
    texts,
    texts_or_empty,
    visibility,
)
from maillage_directory.models.kinds import (
    AccessMode,
    ActorKind,
    CapacityStatus,
    ConditionKind,
    Confidence,
    Cost,
    Known,
    ServiceStatus,
    Visibility,
)


class Service(SQLModel, table=True):
    """HSDS `service`. `text_origins`, `details` as on `Organization`; ages in whole years, both
    included."""

    __tablename__ = "service"
    __table_args__ = (
        network_is_named(),
        members_of("access", AccessMode),
        CheckConstraint("name <> '{}'::jsonb", name="named"),
        CheckConstraint("age_min <= age_max", name="ages_in_order"),
        CheckConstraint(
            "kind <> 'informal_network' OR visibility <> 'public' OR details ? 'agreed_on'",
            name="informal_ones_agreed",
        ),
        Index(
            None,
            "source",
            "external_id",
            unique=True,
            postgresql_where="external_id IS NOT NULL",
        ),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id")
    status: ServiceStatus = columns.enum_column(
        ServiceStatus, "status", default=ServiceStatus.ACTIVE
    )
    name: Texts = texts()
    description: Texts = texts_or_empty()
    text_origins: dict[str, dict[str, dict[str, str]]] = columns.jsonb(default_factory=dict)
    details: dict[str, Any] = members()
    field_visibility: dict[str, str] = members()
    kind: ActorKind | None = columns.enum_column(ActorKind, "kind", nullable=True)
    access: list[str] = text_array()
    offers_interpreter: bool = Field(default=False, nullable=False)
    age_min: int | None = small_number()
    age_max: int | None = small_number()
    cost: Cost = columns.enum_column(Cost, "cost", default=Cost.UNKNOWN)
    accessible: Known = columns.enum_column(Known, "accessible", default=Known.UNKNOWN)
    email: str | None = columns.plain_text(nullable=True)
    url: str | None = columns.plain_text(nullable=True)
    visibility: Visibility = visibility()
    network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    external_id: str | None = columns.plain_text(nullable=True)
    source_on: date | None = day()
    licence: str | None = columns.plain_text(nullable=True)
    source_digest: str | None = columns.plain_text(nullable=True)
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class ServiceNeed(SQLModel, table=True):
    __tablename__ = "service_need"

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    need_code: str = columns.foreign_key("need.code", primary_key=True)


class ServiceLanguage(SQLModel, table=True):
    """HSDS `language`: spoken by the staff. `code` is ISO 639, lower case."""

    __tablename__ = "service_language"
    __table_args__ = (CheckConstraint("code ~ '^[a-z]{2,3}$'", name="iso_639"),)

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    code: str = columns.plain_text(primary_key=True)
    note: Texts = texts_or_empty()


class ServiceCondition(SQLModel, table=True):
    """What is known about one condition; a condition without a row is `unknown`."""

    __tablename__ = "service_condition"

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    kind: ConditionKind = Field(
        primary_key=True,
        sa_type=columns.enum_type(ConditionKind, "kind"),
    )
    state: Known = columns.enum_column(Known, "state")


class ServiceProgram(SQLModel, table=True):
    __tablename__ = "service_program"

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    program_code: str = columns.foreign_key("program.code", primary_key=True)


class ActionZone(SQLModel, table=True):
    """A territory the service serves, apart from where it stands (HSDS `service_area`)."""

    __tablename__ = "action_zone"

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    territory_code: str = columns.foreign_key("territory.code", primary_key=True)


class CapacityReport(SQLModel, table=True):
    """One statement on whether a service can take someone. Kept; the latest observed one counts.

    After `valid_until` the service's capacity is unknown, never assumed.
    """

    __tablename__ = "capacity_report"
    __table_args__ = (
        CheckConstraint("observed_at < valid_until", name="valid_after_observed"),
        CheckConstraint("places >= 0 AND waiting_days >= 0", name="not_negative"),
        Index(None, "service_id", "observed_at"),
    )

    id: UUID = columns.uuid_pk()
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", index=False)
    status: CapacityStatus = columns.enum_column(CapacityStatus, "status")
    places: int | None = None
    unit: str | None = columns.plain_text(nullable=True)
    waiting_days: int | None = small_number()
    observed_at: datetime = columns.instant(nullable=False)
    valid_until: datetime = columns.instant(nullable=False)
    confidence: Confidence = columns.enum_column(
        Confidence, "confidence", default=Confidence.DECLARED
    )
    source: str | None = columns.plain_text(nullable=True)
    created_at: datetime = columns.created_at()


class Verification(SQLModel, table=True):
    """Someone checked a record, wholly (`fields` empty) or some of its fields: that of a service or
    of `checked_organization_id`. `organization_id` is who checked, never a person."""

    __tablename__ = "verification"
    __table_args__ = (
        Index(None, "service_id", "verified_at"),
        Index(None, "checked_organization_id", "verified_at"),
        CheckConstraint("num_nonnulls(service_id, checked_organization_id) = 1", name="one_record"),
    )

    id: UUID = columns.uuid_pk()
    service_id: UUID | None = columns.foreign_key(
        "service.id", ondelete="CASCADE", index=False, nullable=True
    )
    checked_organization_id: UUID | None = columns.foreign_key(
        "organization.id", ondelete="CASCADE", index=False, nullable=True
    )
    fields: list[str] = text_array()
    verified_at: datetime = columns.instant(nullable=False)
    organization_id: UUID | None = columns.foreign_key(
        "organization.id", ondelete="SET NULL", nullable=True
    )
    source: str | None = columns.plain_text(nullable=True)
