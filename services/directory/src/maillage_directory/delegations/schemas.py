"""Who curates which territory."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.records.fields import Code


class NewDelegation(Payload):
    """`organization` may edit what lies or acts in `territory`, both days included."""

    organization: UUID
    territory: Code
    valid_from: Day | None = None
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise PydanticCustomError("dates_out_of_order", "It ends on or after its first day")
        return self


class DelegationParams(Payload):
    organization: UUID | None = None
    territory: Code | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class DelegationPublic(Answer):
    id: UUID
    organization: UUID = Field(validation_alias="organization_id")
    territory: str = Field(validation_alias="territory_code")
    valid_from: date | None
    valid_to: date | None
