"""Campaigns and participations as JSON."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from maillage_campaigns.rules import CallingRules
from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Theme = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,59}$")]
E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9]\d{6,14}$")]


def _has_french_or_dutch(texts: dict[str, str]) -> dict[str, str]:
    if not {"fr", "nl"} & texts.keys():
        raise ValueError("give at least a French or a Dutch text")
    return texts


Texts = Annotated[dict[Language, Text], AfterValidator(_has_french_or_dutch), Field(max_length=40)]


class CampaignNew(Payload):
    """Theme, opening, rules and dates; nothing about a person or a mutuality's criterion."""

    title: Texts
    theme: Theme
    opening: dict[Language, Text] = Field(
        default_factory=dict, max_length=40, description="What is said first, by language"
    )
    starts_on: Day
    ends_on: Day
    rules: CallingRules = CallingRules()

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "CampaignNew":
        if self.ends_on < self.starts_on:
            raise ValueError("a campaign ends on or after the day it starts")
        return self


class CampaignChange(Payload):
    """Only what is given changes."""

    title: Texts | None = None
    theme: Theme | None = None
    opening: Annotated[dict[Language, Text], Field(max_length=40)] | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    rules: CallingRules | None = None


class CampaignPublic(Answer):
    id: UUID
    title: dict[str, str]
    theme: str
    opening: dict[str, str]
    starts_on: date
    ends_on: date
    rules: CallingRules
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ParticipationSet(Payload):
    """How a mutuality presents itself to those it calls."""

    caller_name: Texts
    ring_back_number: E164 | None = None


class ParticipationPublic(Answer):
    campaign_id: UUID
    caller_name: dict[str, str]
    ring_back_number: str | None
    joined_at: datetime
