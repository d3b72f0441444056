"""Changes that others propose, and what they say is wrong."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import NoteCode, ResourceType, SuggestionState
from maillage_directory.records.fields import Line


class NewSuggestion(Payload):
    """`patch`: a JSON merge patch (RFC 7396), as the owner would send it."""

    type: ResourceType
    record: UUID
    patch: Annotated[dict[str, Any], Field(min_length=1)]


class SuggestionParams(Payload):
    """Oldest first."""

    state: SuggestionState | None = SuggestionState.OPEN
    record: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class NewSuggestionDecision(Payload):
    """A rejection has its reason; an acceptance may."""

    decision: Literal["accept", "reject"]
    reason: Line | None = None

    @model_validator(mode="after")
    def _rejections_have_reasons(self) -> Self:
        if self.decision == "reject" and self.reason is None:
            raise PydanticCustomError("reason_missing", "Say why, for whoever proposed it")
        return self


class SuggestionPublic(Answer):
    """`is_stale`: the record changed since. `proposed_by`: `organization:<id>` or `client:<id>`."""

    id: UUID
    type: ResourceType = Field(validation_alias="resource_type")
    record: UUID = Field(validation_alias="resource_id")
    patch: dict[str, Any]
    proposed_by: str
    state: SuggestionState
    is_stale: bool
    reason: str | None
    created_at: datetime
    decided_at: datetime | None


class NewNote(Payload):
    """ "This is wrong", with a code and no words."""

    type: ResourceType
    record: UUID
    code: NoteCode


class NotePublic(Answer):
    type: ResourceType = Field(validation_alias="resource_type")
    record: UUID = Field(validation_alias="resource_id")
    code: NoteCode
    noted_on: date
