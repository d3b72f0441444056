from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_referrals.subjects.schemas import Handle
from maillage_referrals.vocabulary import Category, PointerKind, PointerStatus, Purpose


class Locator(Payload):
    """The system that keeps the thing, and the opaque identifier that it gave."""

    system: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]
    reference: Annotated[str, Field(min_length=1, max_length=64)]
    url: Annotated[str | None, Field(max_length=512)] = None


class PointerFields(Payload):
    """An objective fact: what kind of thing, about what, when, kept where. Never what it says."""

    category: Category
    kind: PointerKind
    status: PointerStatus
    from_on: Day
    to_on: Day | None = None
    service_id: UUID | None = None
    locator: Locator

    @model_validator(mode="after")
    def ends_after_start(self) -> Self:
        if self.to_on is not None and self.to_on < self.from_on:
            raise ValueError("to_on is before from_on")
        return self


class PointerRequest(PointerFields):
    handle: Handle


class SearchRequest(Payload):
    """A worker states the purpose; the person needs none."""

    handle: Handle
    purpose: Purpose | None = None
    categories: Annotated[list[Category] | None, Field(min_length=1)] = None
    kinds: Annotated[list[PointerKind] | None, Field(min_length=1)] = None
    statuses: Annotated[list[PointerStatus] | None, Field(min_length=1)] = None
    with_superseded: bool = False
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str | None, Field(max_length=2000)] = None


class LocatorPublic(Answer):
    system: str
    reference: str
    url: str | None


class PointerPublic(Answer):
    id: UUID
    handle: str
    category: Category
    kind: PointerKind
    status: PointerStatus
    from_on: date
    to_on: date | None
    organization: UUID
    author_function: str
    service_id: UUID | None
    locator: LocatorPublic
    superseded_at: datetime | None
    superseded_by: UUID | None
    entered_in_error_at: datetime | None
    created_at: datetime
    version: int
