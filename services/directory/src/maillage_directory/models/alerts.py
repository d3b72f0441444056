"""Searches that an application keeps, and where it is told that something they find changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

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

    `query` holds codes alone: no words, place, moment or age, which could tell of a person.
    """

    __tablename__ = "saved_search"

    id: UUID = columns.uuid_pk()
    webhook_id: UUID = columns.foreign_key("registered_webhook.id", ondelete="CASCADE")
    client_id: str = columns.plain_text(index=True)
    organization_id: UUID | None = None
    function: str | None = columns.plain_text(nullable=True)
    query: dict[str, Any] = columns.jsonb()
    created_at: datetime = columns.created_at()
