"""Events as editors send and readers see them."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import Day, Instant
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import Audience, EventKind, Visibility
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import (
    Code,
    Codes,
    EmailAddress,
    LanguageCode,
    Latitude,
    Longitude,
    Name,
    PhoneNumber,
    SomeWords,
    WebAddress,
    Words,
    both_or_no_degrees,
    network_is_named,
)
from maillage_directory.records.parts import ScheduleEntry

# The longest an event goes on without ending, and the longest a list reaches.
LONGEST = timedelta(days=31)
FURTHEST = timedelta(days=366)
DEFAULT_REACH = timedelta(days=31)


class EventPlace(Payload):
    """Where it is held. A confidential place is kept and told to nobody; sent back as it was read
    (`{"confidential": true}`), it stays."""

    name: SomeWords = Field(default_factory=dict)
    street: Words = Field(default_factory=dict)
    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    city: Words = Field(default_factory=dict)
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    confidential: bool = False

    _both_or_none = model_validator(mode="after")(both_or_no_degrees)


class EventContent(Payload):
    """Once (`starts_at` to `ends_at`) or by a `schedule`; at a place, or somewhere in a territory.

    A scheduled event is not held on public holidays unless the schedule says `open`, nor on the
    days of `cancelled_on`. `organization`: the caller's own unless it is named.
    """

    organization: UUID | None = None
    kind: EventKind
    audience: Audience = Audience.PUBLIC
    name: Name
    description: Words = Field(default_factory=dict)
    needs: Codes = Field(default_factory=list)
    languages: Annotated[list[LanguageCode], Field(max_length=60)] = Field(default_factory=list)
    program: Code | None = None
    territory: Code | None = None
    place: EventPlace | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    schedule: ScheduleEntry | None = None
    cancelled_on: Annotated[list[Day], Field(max_length=366)] = Field(default_factory=list)
    url: WebAddress | None = None
    email: EmailAddress | None = None
    phone: PhoneNumber | None = None
    visibility: Visibility = Visibility.PUBLIC
    network: Code | None = None

    @model_validator(mode="after")
    def _once_or_again(self) -> Self:
        if (self.starts_at is None) != (self.ends_at is None) or (self.starts_at is None) == (
            self.schedule is None
        ):
            raise PydanticCustomError(
                "once_or_again", "Give starts_at and ends_at, or a schedule, and not both"
            )
        if self.starts_at is not None and self.ends_at is not None:
            if self.starts_at >= self.ends_at:
                raise PydanticCustomError("dates_out_of_order", "It ends after it starts")
            if self.ends_at - self.starts_at > LONGEST:
                raise PydanticCustomError("too_long", "One event lasts 31 days at most")
        return self

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.place is None and self.territory is None:
            raise PydanticCustomError("nowhere", "Give a place or a territory")
        return self

    _network_is_named = model_validator(mode="after")(network_is_named)


_PERIOD = {"at": ("to",)}


class EventParams(Payload):
    """Occurrences that begin from `from` to `to`, both included; a month from today by default."""

    since: Annotated[Day | None, Field(alias="from")] = None
    until: Annotated[Day | None, Field(alias="to")] = None
    territory: Code | None = None
    need: Code | None = None
    spoken: LanguageCode | None = None
    kind: EventKind | None = None
    audience: Audience | None = None
    program: Code | None = None
    organization: UUID | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise PydanticCustomError("dates_out_of_order", "`from` is not after `to`", _PERIOD)
        if self.since and self.until and self.until - self.since > FURTHEST:
            raise PydanticCustomError("period_too_long", "Ask for a year at most", _PERIOD)
        return self


class EventPageParams(EventParams):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class Occurrence(Answer):
    """One time that an event is held; `on` is the day it begins, in Brussels."""

    on: date
    starts_at: datetime
    ends_at: datetime


class PlacePublic(Answer):
    """Of a confidential place nothing else is told."""

    confidential: bool = False
    name: Texts = Field(default_factory=dict)
    street: Texts = Field(default_factory=dict)
    postcode: str | None = None
    city: Texts = Field(default_factory=dict)
    latitude: float | None = None
    longitude: float | None = None


class EventPublic(Answer):
    id: UUID
    organization: UUID
    organization_label: str
    kind: EventKind
    audience: Audience
    name: Texts
    label: str
    description: Texts
    needs: list[str]
    languages: list[str]
    program: str | None = None
    territory: str | None = None
    place: PlacePublic | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    schedule: dict[str, Any] | None = None
    cancelled_on: list[date]
    url: str | None = None
    email: str | None = None
    phone: str | None = None
    visibility: str
    network: str | None = None
    source: str
    version: int
    updated_at: datetime


class EventDetail(EventPublic):
    """`occurrences` are the next ten, today's included."""

    occurrences: list[Occurrence]


class EventHeld(Answer):
    """An occurrence and its event."""

    on: date
    starts_at: datetime
    ends_at: datetime
    event: EventPublic


class NewAttendance(Payload):
    """How many came on a day; `need` is the theme, `territory` where they came from as a whole."""

    on: Day
    present: Annotated[int, Field(ge=0, le=100_000)]
    need: Code | None = None
    territory: Code | None = None


class AttendancePublic(Answer):
    on: date = Field(validation_alias="held_on")
    present: int
    need: str | None = Field(validation_alias="need_code")
    territory: str | None = Field(validation_alias="territory_code")
    updated_at: datetime


class AttendancesPublic(Answer):
    items: list[AttendancePublic]
    present: int
    next_cursor: None = None
