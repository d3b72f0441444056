"""Objections as JSON: numbers come in bodies and never go out again."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from maillage_campaigns.models import ObjectionScope, ObjectionSource
from maillage_common.schemas import Answer, Payload

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class ObjectionGiven(Payload):
    """Who objects (by exactly one number or id) to what (this campaign, a theme, or all calls)."""

    scope: ObjectionScope
    campaign_id: UUID | None = None
    theme: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,59}$")] | None = None
    national_number: Identifier | None = None
    external_id: Identifier | None = None
    phone: Identifier | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        named = [self.national_number, self.external_id, self.phone]
        if sum(value is not None for value in named) != 1:
            raise ValueError("name exactly one of national_number, external_id, phone")
        if (self.scope is ObjectionScope.CAMPAIGN) != (self.campaign_id is not None):
            raise ValueError("campaign_id goes with the scope campaign")
        if (self.scope is ObjectionScope.THEME) != (self.theme is not None):
            raise ValueError("theme goes with the scope theme")
        return self


class WithdrawalGiven(Payload):
    """An objection ends on the person's own word alone."""

    asked_by_person: Annotated[Literal[True], Field(description="The person asked for it")]


class ObjectionPublic(Answer):
    id: UUID
    scope: ObjectionScope
    campaign_id: UUID | None
    theme: str | None
    source: ObjectionSource
    recorded_at: datetime
    withdrawn_at: datetime | None
