"""A campaign's calling rules: when one may call, how often, and how long to wait in between."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Weekday(StrEnum):
    """RFC 5545 day codes; the order is ISO's, Monday first."""

    MONDAY = "MO"
    TUESDAY = "TU"
    WEDNESDAY = "WE"
    THURSDAY = "TH"
    FRIDAY = "FR"
    SATURDAY = "SA"
    SUNDAY = "SU"


# From 00:00 to 24:00.
ClockTime = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


def minutes_of(clock_time: str) -> int:
    """Minutes since midnight of "HH:MM"; "24:00" is 1440."""
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)


class CallingWindow(BaseModel):
    """Hours, on some weekdays, in Brussels time. Ends the same day (24:00 at the latest)."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    opens_at: ClockTime
    closes_at: ClockTime

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "CallingWindow":
        if minutes_of(self.opens_at) >= minutes_of(self.closes_at):
            raise ValueError("a window opens before it closes; write a night as two windows")
        return self


class RetryDelays(BaseModel):
    """Minutes until the next attempt after each kind of unsuccessful one (defaults as in queXS)."""

    model_config = ConfigDict(extra="forbid")

    busy: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 30
    no_answer: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 180
    voicemail: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 24 * 60
    relative_answered: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 24 * 60
    technical_problem: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 60
    language_barrier: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 0
    next_number: Annotated[int, Field(ge=0, le=60 * 24 * 60)] = 0


WORKING_HOURS = (
    CallingWindow(
        days=[
            Weekday.MONDAY,
            Weekday.TUESDAY,
            Weekday.WEDNESDAY,
            Weekday.THURSDAY,
            Weekday.FRIDAY,
        ],
        opens_at="09:00",
        closes_at="20:00",
    ),
)


class CallingRules(BaseModel):
    """Kept with the campaign; a change applies from the next lease on."""

    model_config = ConfigDict(extra="forbid")

    windows: Annotated[list[CallingWindow], Field(min_length=1, max_length=30)] = list(
        WORKING_HOURS
    )
    on_public_holidays: bool = False
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 6
    max_voicemails: Annotated[int, Field(ge=0, le=10)] = 2
    delays: RetryDelays = RetryDelays()
