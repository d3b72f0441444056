"""What is due to be checked."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import ResourceType
from maillage_directory.records.fields import Code

WorkKind = Literal[
    "hours", "reach", "conditions", "place", "identity", "capacity", "note", "suggestion"
]


class WorklistParams(Payload):
    """Without a filter: what the caller may edit; `curator`: what that organization may edit."""

    type: ResourceType | None = None
    organization: UUID | None = None
    territory: Code | None = None
    curator: UUID | None = None
    kind: WorkKind | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class WorkPublic(Answer):
    """`kind`: `hours`, `reach`, `conditions`, `place`, `identity`, `capacity`, `note` or
    `suggestion`. `reason`: `never_verified`, `period_passed`, `expired`, `suggested`, or the code
    of a note. `fields` are what a verification should name."""

    type: ResourceType
    record: UUID
    organization_id: UUID
    label: str
    kind: str
    kind_label: str
    reason: str
    fields: list[str]
    due_at: datetime
    checked_at: datetime | None
