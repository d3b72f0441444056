"""Searches that an application keeps, and where it is told that something they find changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from maillage_common import columns


class RegisteredWebhook(SQLModel, table=True):
    """An application's endpoint. Its secret is sealed under a key of the service's own."""

    __tablename__ = "registered_webhook"

    id: UUID = columns.uuid_pk()
    client_id: str = columns.plain_text(index=True)
    organization_id: UUID | None = None
    url: str = columns.plain_text()
    sealed_secret: bytes = columns.binary()
    created_at: datetime = columns.created_at()


class SavedSearch(SQLModel, table=True):
    """A search to be told about, as an application and its organization see the directory.

    `query` holds no moment and no age, and a place to about a kilometre: nothing of a person.
    """

    __tablename__ = "saved_search"

    id: UUID = columns.uuid_pk()
    webhook_id: UUID = columns.foreign_key("registered_webhook.id", ondelete="CASCADE")
    client_id: str = columns.plain_text(index=True)
    organization_id: UUID | None = None
    function: str | None = columns.plain_text(nullable=True)
    query: dict[str, Any] = columns.jsonb()
    created_at: datetime = columns.created_at()


class SavedSearchMatch(SQLModel, table=True):
    """A service that a saved search found when last looked at, to tell when it leaves; it may be
    deleted by then."""

    __tablename__ = "saved_search_match"

    saved_search_id: UUID = columns.foreign_key(
        "saved_search.id", ondelete="CASCADE", primary_key=True
    )
    service_id: UUID = Field(primary_key=True)
