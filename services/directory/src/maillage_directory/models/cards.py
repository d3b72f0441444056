"""The directory's records as readers see them: derived, one row each, never edited.

Every way out (reads, search, exports, change feed, HSDS, webhooks) starts here, so that who may see
what is asked in one place (`maillage_directory.visibility`). `projection.refresh` writes the rows,
in the transaction that changes a record.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.kinds import ResourceType, Visibility


class Card(SQLModel, table=True):
    """Derived. `content` is the whole record in JSON: every caller gets it through
    `cards.rendering`, which leaves out what that caller may not see.

    `changed_at` moves whenever readers would see a difference, also without a new version (a
    capacity report, the owner's name).
    """

    __tablename__ = "card"
    __table_args__ = (
        Index(None, "resource_type", "resource_id"),
        Index(None, "resource_type", "sort_name", "resource_id"),
        # Rows just above 2 kB, as most are, would be packed at each write, unpacked at each read.
        {"postgresql_with": {"toast_tuple_target": 8160}},
    )

    resource_id: UUID = Field(primary_key=True)
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    visibility: Visibility = columns.enum_column(Visibility, "visibility")
    network: str | None = columns.plain_text(nullable=True)
    organization_visibility: Visibility = columns.enum_column(Visibility, "organization_visibility")
    organization_network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    sort_name: str = columns.plain_text()
    content: dict[str, Any] = columns.jsonb()
    verified_at: datetime | None = columns.instant()
    version: int
    updated_at: datetime = columns.instant(nullable=False)
    changed_at: datetime = columns.instant(nullable=False)
