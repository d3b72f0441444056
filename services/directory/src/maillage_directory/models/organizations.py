"""Organizations, and the phones and contacts of organizations and services."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    members,
    network_is_named,
    texts,
    texts_or_empty,
    visibility,
)
from maillage_directory.models.kinds import ActorKind, PhoneKind, Visibility


class Organization(SQLModel, table=True):
    """HSDS `organization`, with its kind, visibility and provenance.

    `source_digest` is the SHA-256 of the record as its source last gave it: loading the same record
    again changes nothing, so that what people corrected since then stays.

    `text_origins` tells which words are not `authored`:
    `{"description": {"nl": {"origin": "machine", "on": "2026-10-01"}}}`. `details` are the members
    of the record that no query asks about, as `records.rows.DETAILS` names them.

    Since `delisted_at` its owner alone sees it and its services, whatever is written or loaded: a
    trigger holds `visibility` at `own`.
    """

    __tablename__ = "organization"
    __table_args__ = (
        network_is_named(),
        CheckConstraint("name <> '{}'::jsonb", name="named"),
        CheckConstraint(
            "kind <> 'informal_network' OR visibility <> 'public' OR agreed_on IS NOT NULL",
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
    name: Texts = texts()
    description: Texts = texts_or_empty()
    text_origins: dict[str, dict[str, dict[str, str]]] = columns.jsonb(default_factory=dict)
    kind: ActorKind = columns.enum_column(ActorKind, "kind")
    parent_id: UUID | None = columns.foreign_key(
        "organization.id", ondelete="SET NULL", nullable=True
    )
    details: dict[str, Any] = members()
    field_visibility: dict[str, str] = members()
    agreed_on: date | None = day()
    delisted_at: datetime | None = columns.instant()
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


class OrganizationIdentifier(SQLModel, table=True):
    """HSDS `organization_identifier`; scheme `BE-KBO` is the Belgian enterprise number."""

    __tablename__ = "organization_identifier"
    __table_args__ = (UniqueConstraint("organization_id", "scheme", "identifier"),)

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE", index=False)
    scheme: str = columns.plain_text()
    identifier: str = columns.plain_text(index=True)


class Phone(SQLModel, table=True):
    """HSDS `phone`, of an organization or of a service. `number` is E.164, or a short number."""

    __tablename__ = "phone"
    __table_args__ = (
        CheckConstraint("num_nonnulls(organization_id, service_id) = 1", name="one_owner"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID | None = columns.foreign_key(
        "organization.id", ondelete="CASCADE", nullable=True
    )
    service_id: UUID | None = columns.foreign_key("service.id", ondelete="CASCADE", nullable=True)
    position: int
    number: str = columns.plain_text()
    extension: str | None = columns.plain_text(nullable=True)
    kind: PhoneKind = columns.enum_column(PhoneKind, "kind", default=PhoneKind.VOICE)
    description: Texts = texts_or_empty()
    visibility: Visibility = visibility()


class Contact(SQLModel, table=True):
    """HSDS `contact`: a person to talk to. Never public unless that person agreed."""

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("num_nonnulls(organization_id, service_id) = 1", name="one_owner"),
        CheckConstraint("visibility IN ('public', 'professional', 'own')", name="no_network"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID | None = columns.foreign_key(
        "organization.id", ondelete="CASCADE", nullable=True
    )
    service_id: UUID | None = columns.foreign_key("service.id", ondelete="CASCADE", nullable=True)
    position: int
    name: str | None = columns.plain_text(nullable=True)
    title: str | None = columns.plain_text(nullable=True)
    email: str | None = columns.plain_text(nullable=True)
    phone: str | None = columns.plain_text(nullable=True)
    visibility: Visibility = visibility(Visibility.PROFESSIONAL)
