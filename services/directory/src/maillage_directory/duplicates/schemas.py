"""Records that may be the same one, and what was decided."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import DuplicateDecision, ResourceType


class DuplicateParams(Payload):
    """Undecided pairs, the most alike first."""

    type: ResourceType | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class NewDecision(Payload):
    """`merge` into `keep`, which is one of the two; `dismiss`: they are not the same."""

    decision: DuplicateDecision
    keep: UUID | None = None

    @model_validator(mode="after")
    def _kept_one_is_named(self) -> Self:
        if (self.decision == DuplicateDecision.MERGE) != (self.keep is not None):
            raise PydanticCustomError("keep_mismatch", "Name in `keep` what a merge keeps")
        return self


class DuplicatePublic(Answer):
    """`reasons`: `kbo`, `phone`, `email`, `url`, `address`, `name`. `score` from 0 to 1."""

    id: UUID
    type: ResourceType
    score: float
    reasons: list[str]
    records: list[dict[str, Any]] = Field(description="Both, as the caller may read them")
    found_at: datetime
    decision: Literal["merge", "dismiss"] | None = None
