"""The directory's records: what is loaded, one JSON object a line, and what editors send.

The API's `POST` and `PATCH` bodies are these records without `type`, `id` and provenance.
"""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Payload
from maillage_directory.models import (
    AccessMode,
    ActorKind,
    CapacityStatus,
    ConditionKind,
    Cost,
    CoverageRole,
    HolidayRule,
    Known,
    ObservationKind,
    ObservationState,
    ServiceStatus,
    Visibility,
)
from maillage_directory.opening import WEEKDAYS, ImpossibleSchedule, Rule, make_rule
from maillage_directory.records.fields import (
    Code,
    Codes,
    CommaList,
    EmailAddress,
    LanguageCode,
    Line,
    Name,
    PhoneNumber,
    SomeWords,
    WebAddress,
    Words,
)
from maillage_directory.records.identifiers import normal_kbo

Age = Annotated[int, Field(ge=0, le=130)]


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
    on: date | None = None


class Seen(Payload):
    """What organizations and services share: words, visibility, ways to reach them."""

    name: Name
    description: Words = Field(default_factory=dict)
    text_origins: dict[Literal["name", "description"], dict[LanguageCode, TextOrigin]] = Field(
        default_factory=dict
    )
    phones: Annotated[list[PhoneNumber], Field(max_length=20)] = Field(default_factory=list)
    contacts: Annotated[list[ContactEntry], Field(max_length=20)] = Field(default_factory=list)
    email: EmailAddress | None = None
    url: WebAddress | None = None
    visibility: Visibility = Visibility.PUBLIC
    network: Code | None = None

    @model_validator(mode="after")
    def _network_is_named(self) -> Self:
        if (self.visibility == Visibility.NETWORK) != (self.network is not None):
            raise PydanticCustomError(
                "network_mismatch",
                "Name a network (a territory or a program) when visibility is network, only then",
            )
        return self


class Sourced(Payload):
    """Provenance of a loaded record."""

    id: UUID
    source: Code
    source_date: date | None = None
    external_id: Line | None = None
    licence: Line | None = None


class OrganizationContent(Seen):
    kind: ActorKind
    identifiers: Annotated[list[Identifier], Field(max_length=20)] = Field(default_factory=list)


class OrganizationRecord(Sourced, OrganizationContent):
    type: Literal["organization"]


class AddressEntry(Payload):
    street: Words = Field(default_factory=dict)
    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    city: Words = Field(default_factory=dict)
    commune_nis: Code | None = None


class LocationEntry(Payload):
    """Where the service is given. Coordinates in WGS 84 degrees, both or none."""

    id: UUID | None = None
    name: SomeWords = Field(default_factory=dict)
    address: AddressEntry | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    confidential: bool = False

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise PydanticCustomError(
                "incomplete_position", "Give latitude and longitude together, or neither"
            )
        return self


class ScheduleEntry(Payload):
    """HSDS `schedule`: when it opens, in Brussels wall-clock time (RFC 5545 rule parts)."""

    freq: Literal["WEEKLY", "MONTHLY"] = "WEEKLY"
    interval: Annotated[int, Field(ge=1, le=52)] = 1
    byday: CommaList = Field(default_factory=list)
    bymonthday: CommaList = Field(default_factory=list)
    opens_at: str
    closes_at: str
    dtstart: date | None = None
    until: date | None = None
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    wkst: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] = "MO"
    valid_from: date | None = None
    valid_to: date | None = None
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
        return make_rule(
            freq=self.freq,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            byday=self.byday,
            bymonthday=self.bymonthday,
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

    starts_on: Annotated[date, Field(alias="from")]
    ends_on: Annotated[date, Field(alias="to")]
    reason: SomeWords = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_on > self.ends_on:
            raise PydanticCustomError(
                "dates_out_of_order", "A closure ends on or after its first day"
            )
        return self


class CapacityEntry(Payload):
    """A capacity report as a record carries it."""

    status: CapacityStatus
    places: Annotated[int, Field(ge=0, le=100_000)] | None = None
    unit: Line | None = None
    waiting_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    observed_at: AwareDatetime
    valid_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.observed_at:
            raise PydanticCustomError(
                "dates_out_of_order", "A report is valid until after it was observed"
            )
        return self


class ServiceContent(Seen):
    organization: UUID
    status: ServiceStatus = ServiceStatus.ACTIVE
    kind: ActorKind | None = None
    needs: Codes = Field(default_factory=list)
    languages: Annotated[list[LanguageCode], Field(max_length=60)] = Field(default_factory=list)
    interpreter: bool = False
    access: list[AccessMode] = Field(default_factory=list)
    conditions: dict[ConditionKind, Known] = Field(default_factory=dict)
    age_min: Age | None = None
    age_max: Age | None = None
    cost: Cost = Cost.UNKNOWN
    accessible: Known = Known.UNKNOWN
    schedules: Annotated[list[ScheduleEntry], Field(max_length=60)] = Field(default_factory=list)
    closures: Annotated[list[ClosureEntry], Field(max_length=60)] = Field(default_factory=list)
    location: LocationEntry | None = None
    action_zones: Codes = Field(default_factory=list)
    programs: Codes = Field(default_factory=list)

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.age_min is not None and self.age_max is not None and self.age_min > self.age_max:
            raise PydanticCustomError("ages_out_of_order", "age_min is at most age_max")
        return self


class ServiceRecord(Sourced, ServiceContent):
    type: Literal["service"]
    capacity: CapacityEntry | None = None
    verified_at: AwareDatetime | None = None


class ObservationContent(Payload):
    """A gap or an obstacle. Nothing in it tells of a person or of a mutuality."""

    kind: ObservationKind
    obstacle: Code | None = None
    need: Code | None = None
    territory: Code | None = None
    program: Code | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    note: Words = Field(default_factory=dict)
    recommendation: Words = Field(default_factory=dict)
    observed_on: date | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.need is None and self.obstacle is None and not self.note:
            raise PydanticCustomError(
                "observation_empty", "Name the need or the obstacle, or write a note"
            )
        return self


class ObservationRecord(ObservationContent, Sourced):
    type: Literal["observation"]
    state: ObservationState = ObservationState.NOTED
    visibility: Literal[Visibility.PUBLIC, Visibility.PROFESSIONAL] = Visibility.PROFESSIONAL


class CoverageRecord(Payload):
    """An organization covers a territory for a program."""

    type: Literal["coverage"]
    program: Code
    organization: UUID
    territory: Code
    role: CoverageRole = CoverageRole.WORKER
    valid_from: date | None = None
    valid_to: date | None = None
    source: Code | None = None


Record = Annotated[
    OrganizationRecord | ServiceRecord | ObservationRecord | CoverageRecord,
    Field(discriminator="type"),
]

__all__ = [
    "AddressEntry",
    "CapacityEntry",
    "ClosureEntry",
    "ContactEntry",
    "CoverageRecord",
    "Identifier",
    "LocationEntry",
    "ObservationContent",
    "ObservationRecord",
    "OrganizationContent",
    "OrganizationRecord",
    "Record",
    "ScheduleEntry",
    "ServiceContent",
    "ServiceRecord",
]
