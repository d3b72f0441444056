"""Places and times: locations, their addresses, opening schedules and dated closures."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    members,
    small_number,
    text_array,
    texts_or_empty,
)
from maillage_directory.models.kinds import Frequency, HolidayRule, LocationType


class Location(SQLModel, table=True):
    """HSDS `location` with its one address. Coordinates are WGS 84 degrees.

    A confidential location is stored for its owner's sake and never told to a reader.
    """

    __tablename__ = "location"
    __table_args__ = (
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_or_none"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    location_type: LocationType = columns.enum_column(
        LocationType, "location_type", default=LocationType.PHYSICAL
    )
    name: Texts = texts_or_empty()
    street: Texts = texts_or_empty()
    city: Texts = texts_or_empty()
    postcode: str | None = columns.plain_text(nullable=True)
    country: str = columns.plain_text(default="BE")
    commune_code: str | None = columns.foreign_key("territory.code", nullable=True)
    latitude: float | None = None
    longitude: float | None = None
    is_confidential: bool = Field(default=False, nullable=False)
    details: dict[str, Any] = members()
    updated_at: datetime = columns.updated_at()


class ServiceAtLocation(SQLModel, table=True):
    __tablename__ = "service_at_location"
    __table_args__ = (UniqueConstraint("service_id", "location_id"),)

    id: UUID = columns.uuid_pk()
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", index=False)
    location_id: UUID = columns.foreign_key("location.id", ondelete="CASCADE")
    description: Texts = texts_or_empty()


class Schedule(SQLModel, table=True):
    """HSDS `schedule` (RFC 5545 rule parts), in wall-clock time of Europe/Brussels.

    `opens_minute` and `closes_minute` count from midnight of the opening day, 0 to 2880: past 1440
    the service closes on the next day, and 1440 is 24:00, which `time` columns cannot carry to
    Python. `starts_on` and `ends_on` are the tightest of validity, `dtstart`, `until` and `count`.
    `week_shift` and `phase` place an `interval` above one on the calendar: an occurrence is where
    `(days since 1970-01-01 + week_shift) / 7` (weekly) or months since year 0 (monthly) is `phase`
    modulo `interval`.
    """

    __tablename__ = "schedule"
    __table_args__ = (
        CheckConstraint("opens_minute BETWEEN 0 AND 1439", name="opens_in_day"),
        CheckConstraint(
            "closes_minute > opens_minute AND closes_minute <= opens_minute + 1440",
            name="closes_after",
        ),
        CheckConstraint("starts_on <= ends_on", name="in_order"),
        CheckConstraint("cardinality(byday) + cardinality(bymonthday) > 0", name="some_day"),
        CheckConstraint("repeat_every >= 1", name="repeats"),
    )

    id: UUID = columns.uuid_pk()
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE")
    service_at_location_id: UUID | None = columns.foreign_key(
        "service_at_location.id", ondelete="CASCADE", nullable=True
    )
    position: int
    freq: Frequency = columns.enum_column(Frequency, "freq")
    repeat_every: int = small_number(nullable=False, default=1)
    byday: list[str] = text_array()
    bymonthday: list[str] = text_array()
    opens_minute: int = small_number(nullable=False)
    closes_minute: int = small_number(nullable=False)
    dtstart: date | None = day()
    until: date | None = day()
    count: int | None = None
    wkst: str = columns.plain_text(default="MO")
    valid_from: date | None = day()
    valid_to: date | None = day()
    starts_on: date | None = day()
    ends_on: date | None = day()
    week_shift: int = small_number(nullable=False, default=0)
    phase: int = small_number(nullable=False, default=0)
    on_holidays: HolidayRule = columns.enum_column(HolidayRule, "on_holidays")
    description: Texts = texts_or_empty()
    attending_type: str | None = columns.plain_text(nullable=True)
    schedule_link: str | None = columns.plain_text(nullable=True)


class Closure(SQLModel, table=True):
    """Days on which nothing opens, both included."""

    __tablename__ = "closure"
    __table_args__ = (CheckConstraint("starts_on <= ends_on", name="in_order"),)

    id: UUID = columns.uuid_pk()
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE")
    starts_on: date = day(nullable=False)
    ends_on: date = day(nullable=False)
    reason: Texts = texts_or_empty()
