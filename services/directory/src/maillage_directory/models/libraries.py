"""What people gather: local diagnoses, and collections of services to share, print or carry."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    network_is_named,
    text_array,
    texts,
    texts_or_empty,
    visibility,
)
from maillage_directory.models.kinds import Visibility


class Diagnostic(SQLModel, table=True):
    """A diagnosis of a territory, published elsewhere: what it is, of when, and where to read it.

    `author` is whoever signs the publication. `themes` are codes of needs.
    """

    __tablename__ = "diagnostic"
    __table_args__ = (
        network_is_named(),
        CheckConstraint("title <> '{}'::jsonb", name="titled"),
        Index(None, "published_on", "id"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    title: Texts = texts()
    summary: Texts = texts_or_empty()
    territory_code: str = columns.foreign_key("territory.code")
    themes: list[str] = text_array()
    published_on: date = day(nullable=False)
    author: str = columns.plain_text()
    url: str = columns.plain_text()
    visibility: Visibility = visibility()
    network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class Collection(SQLModel, table=True):
    """An ordered list of services with notes; shared as far as its visibility says."""

    __tablename__ = "collection"
    __table_args__ = (
        network_is_named(),
        CheckConstraint("title <> '{}'::jsonb", name="titled"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    title: Texts = texts()
    description: Texts = texts_or_empty()
    visibility: Visibility = visibility(Visibility.PROFESSIONAL)
    network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class CollectionItem(SQLModel, table=True):
    __tablename__ = "collection_item"
    __table_args__ = (UniqueConstraint("collection_id", "position"), Index(None, "service_id"))

    collection_id: UUID = columns.foreign_key("collection.id", ondelete="CASCADE", primary_key=True)
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    position: int
    note: Texts = texts_or_empty()
