"""The feed of changes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.cards.schemas import ServicePublic
from maillage_directory.models import ResourceType
from maillage_directory.organizations.schemas import OrganizationPublic


class ChangeParams(Payload):
    """`since` is the `next_cursor` of the last page that was read; without it, from the start."""

    since: Annotated[str, Field(max_length=2000)] | None = None
    type: ResourceType | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class ChangePublic(Answer):
    """The record as the caller may see it now; or, with `deleted_at` and without `record`, one that
    is no more or no longer shown to the caller, merged into `into` when that is told."""

    id: UUID
    type: ResourceType
    changed_at: datetime
    record: ServicePublic | OrganizationPublic | None = None
    deleted_at: datetime | None = None
    into: UUID | None = None


class ChangesPublic(Answer):
    """`next_cursor` is always there, and good for months; `has_more`: ask on at once."""

    items: list[ChangePublic]
    next_cursor: str
    has_more: bool
