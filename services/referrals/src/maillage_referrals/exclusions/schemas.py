from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from maillage_common.schemas import Answer, Payload
from maillage_referrals.subjects.schemas import Handle


class ExclusionRequest(Payload):
    """An organization, or one professional by the id shown in the access log."""

    handle: Handle
    organization: UUID | None = None
    person: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._:@|-]{1,128}$")] = None

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        if (self.organization is None) == (self.person is None):
            raise ValueError("give either organization or person")
        return self


class ExclusionPublic(Answer):
    id: UUID
    handle: str
    organization: UUID | None
    person: str | None
    created_at: datetime
    lifted_at: datetime | None
