"""What organizations and services are made of: addresses, hours, phones, papers, costs.

Names are HSDS 3.1's where it has one; words are in any number of languages.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import Day, Instant
from maillage_common.schemas import Payload
from maillage_directory.models import (
    CapacityStatus,
    Confidence,
    HolidayRule,
    LocationType,
    PhoneKind,
    Visibility,
)
from maillage_directory.opening import WEEKDAYS, ImpossibleSchedule, Rule, make_rule
from maillage_directory.records.fields import (
    Code,
    CommaList,
    EmailAddress,
    Latitude,
    Line,
    Longitude,
    PhoneNumber,
    SomeWords,
    WebAddress,
    Words,
    both_or_no_degrees,
)
from maillage_directory.records.identifiers import normal_kbo


class Identifier(Payload):
    """HSDS `organization_identifier`. Scheme `BE-KBO` is checked and written as ten digits."""

    scheme: Code
    identifier: Line

    @model_validator(mode="after")
    def _enterprise_number(self) -> Self:
        if self.scheme == "BE-KBO":
            normal = normal_kbo(self.identifier)
            if normal is None:
                raise PydanticCustomError(
                    "invalid_kbo_number", "This enterprise number fails its check (modulo 97)"
                )
            self.identifier = normal
        return self


class ContactEntry(Payload):
    """A person to talk to; public only with that person's agreement."""

    name: Line | None = None
    title: Line | None = None
    email: EmailAddress | None = None
    phone: PhoneNumber | None = None
    visibility: Literal[Visibility.PUBLIC, Visibility.PROFESSIONAL, Visibility.OWN] = (
        Visibility.PROFESSIONAL
    )


class TextOrigin(Payload):
    """How a text came to be, when its owner did not write it."""

    origin: Literal["authored", "translated", "machine"]
    on: Day | None = None


class PhoneEntry(Payload):
    """HSDS `phone`. A bare number is enough: `"+3225550000"`."""

    number: PhoneNumber
    extension: Annotated[str, Field(pattern=r"^\d{1,8}$")] | None = None
    kind: PhoneKind = PhoneKind.VOICE
    description: Words = Field(default_factory=dict)
    visibility: Visibility = Visibility.PUBLIC


def _phone(value: object) -> object:
    return {"number": value} if isinstance(value, str) else value


Phones = Annotated[list[Annotated[PhoneEntry, BeforeValidator(_phone)]], Field(max_length=20)]


class LinkEntry(Payload):
    """HSDS `url`: a web address besides the main one."""

    url: WebAddress
    label: Words = Field(default_factory=dict)


class CostEntry(Payload):
    """HSDS `cost_option`. `amount` in `currency` (ISO 4217)."""

    option: Words = Field(default_factory=dict)
    amount: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=2)] | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    amount_description: Words = Field(default_factory=dict)
    valid_from: Day | None = None
    valid_to: Day | None = None


class DocumentEntry(Payload):
    """HSDS `required_document`: a paper to bring."""

    document: Words
    uri: WebAddress | None = None


class AccessibilityEntry(Payload):
    """HSDS `accessibility` of a place."""

    description: Words = Field(default_factory=dict)
    details: Words = Field(default_factory=dict)
    url: WebAddress | None = None


class AddressEntry(Payload):
    attention: Line | None = None
    street: Words = Field(default_factory=dict)
    street_extra: Words = Field(default_factory=dict)
    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    city: Words = Field(default_factory=dict)
    commune_nis: Code | None = None


class LocationEntry(Payload):
    """Where the service is given. Coordinates in WGS 84 degrees, both or none.

    `at_location` tells what is particular to this service there (HSDS `service_at_location`).
    """

    id: UUID | None = None
    location_type: LocationType = LocationType.PHYSICAL
    name: SomeWords = Field(default_factory=dict)
    alternate_name: Words = Field(default_factory=dict)
    description: Words = Field(default_factory=dict)
    transportation: Words = Field(default_factory=dict)
    url: WebAddress | None = None
    external_identifier: Line | None = None
    external_identifier_type: Line | None = None
    accessibility: Annotated[list[AccessibilityEntry], Field(max_length=20)] = Field(
        default_factory=list
    )
    address: AddressEntry | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    confidential: bool = False
    at_location: Words = Field(default_factory=dict)

    _both_or_none = model_validator(mode="after")(both_or_no_degrees)


# Files tell the same hours again and again, and each is asked for twice: to check and to write.
_rule = lru_cache(maxsize=4096)(make_rule)


class ScheduleEntry(Payload):
    """HSDS `schedule`: when it opens, in Brussels wall-clock time (RFC 5545 rule parts)."""

    freq: Literal["WEEKLY", "MONTHLY"] = "WEEKLY"
    interval: Annotated[int, Field(ge=1, le=52)] = 1
    byday: CommaList = Field(default_factory=list)
    bymonthday: CommaList = Field(default_factory=list)
    opens_at: str
    closes_at: str
    dtstart: Day | None = None
    until: Day | None = None
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    wkst: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] = "MO"
    valid_from: Day | None = None
    valid_to: Day | None = None
    on_holidays: HolidayRule | None = None
    description: Words = Field(default_factory=dict)
    attending_type: Code | None = None
    schedule_link: WebAddress | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.byday = [day.upper() for day in self.byday]
        try:
            self.as_rule()
        except ImpossibleSchedule as reason:
            raise PydanticCustomError(
                "impossible_schedule", "This schedule cannot be: {reason}", {"reason": str(reason)}
            ) from None
        return self

    def as_rule(self, *, open_on_holidays: bool = False) -> Rule:
        """The normalised rule; raises ImpossibleSchedule."""
        return _rule(
            freq=self.freq,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            byday=tuple(self.byday),
            bymonthday=tuple(self.bymonthday),
            interval=self.interval,
            wkst=self.wkst,
            dtstart=self.dtstart,
            until=self.until,
            count=self.count,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            open_on_holidays=open_on_holidays,
        )

    def weekdays(self) -> list[str]:
        """The weekdays it opens on every week; none for rarer rules."""
        every_week = self.freq == "WEEKLY" and self.interval == 1
        return [day for day in self.byday if day in WEEKDAYS] if every_week else []


class ClosureEntry(Payload):
    """Days on which nothing opens, both included."""

    starts_on: Annotated[Day, Field(alias="from")]
    ends_on: Annotated[Day, Field(alias="to")]
    reason: SomeWords = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_on > self.ends_on:
            raise PydanticCustomError(
                "dates_out_of_order", "A closure ends on or after its first day"
            )
        return self


class CapacityTold(Payload):
    """Whether it can take someone; `places` are the free ones."""

    status: CapacityStatus
    places: Annotated[int, Field(ge=0, le=100_000)] | None = None
    unit: Line | None = None
    waiting_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    confidence: Confidence = Confidence.DECLARED
    source: Code | None = None

    @field_validator("places")
    @classmethod
    def _none_without_capacity(cls, places: int | None, info: ValidationInfo) -> int | None:
        if places and info.data.get("status") == CapacityStatus.NO_CAPACITY:
            raise PydanticCustomError(
                "places_without_capacity", "Where there is no capacity, no place is free"
            )
        return places


class CapacityEntry(CapacityTold):
    """A capacity report as a record carries it; its source is the record's unless told."""

    observed_at: Instant
    valid_until: Instant | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.observed_at:
            raise PydanticCustomError(
                "dates_out_of_order", "A report is valid until after it was observed"
            )
        return self
