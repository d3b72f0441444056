"""Enquiries: closed codes in, services out. There is no field for words, so none about a person."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import AccessMode, ConditionKind, EnquiryOutcome, EnquiryState
from maillage_directory.records.fields import Code, LanguageCode


class AgeGroup(StrEnum):
    CHILD = "child"
    YOUNG = "young"
    ADULT = "adult"
    SENIOR = "senior"


class Urgency(StrEnum):
    TODAY = "today"
    THIS_WEEK = "this_week"
    NO_HURRY = "no_hurry"


# Nobody is both: no service could meet them.
_EXCLUDING = (
    {ConditionKind.INSURED, ConditionKind.NO_INSURANCE},
    {ConditionKind.MEN, ConditionKind.WOMEN},
)


class Constraints(Payload):
    """What the service must meet. An age is a group, so that no one is told from it."""

    conditions: Annotated[list[ConditionKind], Field(max_length=14)] = Field(default_factory=list)
    access: Annotated[list[AccessMode], Field(max_length=7)] = Field(default_factory=list)
    spoken: Annotated[list[LanguageCode], Field(max_length=5)] = Field(default_factory=list)
    age_group: AgeGroup | None = None
    free: bool = False
    accessible: bool = False
    urgency: Urgency | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        for listed in (self.conditions, self.access, self.spoken):
            if len(set(listed)) < len(listed):
                raise PydanticCustomError("told_twice", "Give each code once")
        if any(pair <= set(self.conditions) for pair in _EXCLUDING):
            raise PydanticCustomError("excluding_conditions", "No one person meets all of these")
        return self


class NewEnquiry(Payload):
    """A question to the desk of `territory`: a basin, commune, quartier or zone.

    `organization` asks: the caller's own unless it is named.
    """

    organization: UUID | None = None
    need: Code
    territory: Code
    constraints: Constraints = Field(default_factory=Constraints)


class NewAnswer(Payload):
    """The services that fit, best first; none at all is an answer too, and is noted as a gap."""

    services: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)


class ServiceFound(Answer):
    service: UUID
    label: str


class EnquiryPublic(Answer):
    """Services that the reader may not see are left out."""

    id: UUID
    organization: UUID = Field(validation_alias="organization_id")
    need: str = Field(validation_alias="need_code")
    territory: str = Field(validation_alias="territory_code")
    constraints: Constraints
    state: EnquiryState
    outcome: EnquiryOutcome | None
    answered_at: datetime | None
    answered_by: UUID | None
    services: list[ServiceFound]
    created_at: datetime


class EnquiryParams(Payload):
    state: EnquiryState | None = None
    territory: Code | None = None
    need: Code | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None
