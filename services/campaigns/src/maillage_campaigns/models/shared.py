"""Tables that all mutualities share. None holds a person; none has row-level security."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from maillage_campaigns.models.columns import tenant_key
from maillage_common import columns

SHARED_WITH_TENANT_COLUMN: dict[str, str] = {
    "mutuality": "which tenants exist, so that clocks can open each one's session",
    "contribution": "counts without a person, erased in the transaction that publishes them",
    "orientation_route": "which tenant's session a signed referral event is for",
}


class Campaign(SQLModel, table=True):
    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("starts_on <= ends_on", name="dates"),)

    id: UUID = columns.uuid_pk()
    title: dict[str, str] = columns.jsonb()
    theme: str = columns.plain_text()
    opening: dict[str, str] = columns.jsonb()
    starts_on: date
    ends_on: date
    rules: dict[str, Any] = columns.jsonb()
    version: int = columns.version()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()


class Mutuality(SQLModel, table=True):
    __tablename__ = "mutuality"

    tenant: str = tenant_key()
    first_seen_at: datetime = columns.created_at()


class OrientationRoute(SQLModel, table=True):
    __tablename__ = "orientation_route"

    referral_id: UUID = Field(primary_key=True)
    tenant: str = columns.plain_text()
    orientation_id: UUID


class Observation(SQLModel, table=True):
    """An obstacle on its way to the directory: nothing here leads back to a person or a tenant."""

    __tablename__ = "observation"

    id: UUID = columns.uuid_pk()
    obstacle: str = columns.plain_text()
    need: str | None = columns.plain_text(nullable=True)
    territory: str | None = columns.plain_text(nullable=True)
    observed_on: date
    posted_at: datetime | None = columns.instant()


class Publication(SQLModel, table=True):
    """What was published at once, for one period; never changed, so never differenced."""

    __tablename__ = "publication"
    __table_args__ = (
        UniqueConstraint("campaign_id", "from_at"),
        CheckConstraint("from_at < until_at", name="period"),
    )

    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    from_at: datetime = columns.instant(nullable=False)
    until_at: datetime = columns.instant(nullable=False)
    threshold: int
    published_at: datetime | None = columns.instant()


class Contribution(SQLModel, table=True):
    __tablename__ = "contribution"

    publication_id: UUID = columns.foreign_key(
        "publication.id", ondelete="CASCADE", primary_key=True
    )
    tenant: str = tenant_key()
    table_name: str = columns.plain_text(primary_key=True)
    row_code: str = columns.plain_text(primary_key=True)
    column_code: str = columns.plain_text(primary_key=True)
    count: int


class PublishedCell(SQLModel, table=True):
    """A count that everyone may see; null where it is suppressed."""

    __tablename__ = "published_cell"

    publication_id: UUID = columns.foreign_key(
        "publication.id", ondelete="CASCADE", primary_key=True
    )
    table_name: str = columns.plain_text(primary_key=True)
    row_code: str = columns.plain_text(primary_key=True)
    column_code: str = columns.plain_text(primary_key=True)
    count: int | None = Field(default=None, nullable=True)
