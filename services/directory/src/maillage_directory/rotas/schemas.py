"""Rotas as editors send and readers see them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import HolidayRule
from maillage_directory.models.columns import Texts
from maillage_directory.opening import ImpossibleSchedule, Rule, make_rule
from maillage_directory.records.fields import CommaList, Name, Words


class TurnEntry(Payload):
    """`service` is on duty: on one day (`on`), or by the rule parts of an HSDS schedule.

    Times are Brussels wall-clock; closing before opening is on the next day. A turn runs on public
    holidays unless `on_holidays` is `closed`.
    """

    service: UUID
    on: Day | None = None
    opens_at: str
    closes_at: str
    freq: Literal["WEEKLY", "MONTHLY"] = "WEEKLY"
    interval: Annotated[int, Field(ge=1, le=52)] = 1
    byday: CommaList = Field(default_factory=list)
    bymonthday: CommaList = Field(default_factory=list)
    dtstart: Day | None = None
    until: Day | None = None
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    wkst: Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"] = "MO"
    valid_from: Day | None = None
    valid_to: Day | None = None
    on_holidays: HolidayRule = HolidayRule.OPEN

    @model_validator(mode="after")
    def _possible(self) -> Self:
        beside_a_day = {"service", "on", "opens_at", "closes_at", "on_holidays"}
        if self.on is not None and self.model_fields_set - beside_a_day:
            raise PydanticCustomError(
                "one_day_or_a_rule", "Give `on` for one day, or the parts of a rule, not both"
            )
        self.byday = [day.upper() for day in self.byday]
        try:
            self.as_rule()
        except ImpossibleSchedule as reason:
            raise PydanticCustomError(
                "impossible_schedule", "This turn cannot be: {reason}", {"reason": str(reason)}
            ) from None
        return self

    def as_rule(self) -> Rule:
        """The normalised rule; raises ImpossibleSchedule."""
        return make_rule(
            freq=self.freq,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            byday=self.byday,
            bymonthday=self.bymonthday,
            interval=self.interval,
            wkst=self.wkst,
            dtstart=self.on or self.dtstart,
            until=self.until,
            count=1 if self.on else self.count,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            open_on_holidays=self.on_holidays == HolidayRule.OPEN,
        )


class RotaContent(Payload):
    """`organization` keeps the rota: the caller's own unless it is named."""

    organization: UUID | None = None
    name: Name
    description: Words = Field(default_factory=dict)
    turns: Annotated[list[TurnEntry], Field(max_length=1000)] = Field(default_factory=list)


class TurnPublic(Answer):
    service: UUID
    service_label: str
    opens_at: str
    closes_at: str
    freq: str
    interval: int
    byday: str | None = None
    bymonthday: str | None = None
    dtstart: date | None = None
    until: date | None = None
    count: int | None = None
    wkst: str = "MO"
    valid_from: date | None = None
    valid_to: date | None = None
    on_holidays: HolidayRule


class OnDuty(Answer):
    """Who is on duty now, and until when; computed for this answer."""

    service: UUID
    service_label: str
    until: datetime


class RotaPublic(Answer):
    """Turns of services that the reader may not see are left out."""

    id: UUID
    organization: UUID
    name: Texts
    label: str
    description: Texts
    turns: list[TurnPublic]
    on_duty: list[OnDuty]
    version: int
    updated_at: datetime


class RotaParams(Payload):
    organization: UUID | None = None
    service: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


def turn_row(entry: TurnEntry) -> dict[str, Any]:
    """The columns of a turn that its entry gives."""
    rule = entry.as_rule()
    return {
        "service_id": entry.service,
        "freq": entry.freq,
        "repeat_every": rule.repeat_every,
        "byday": list(rule.byday),
        "bymonthday": list(rule.bymonthday),
        "opens_minute": rule.opens,
        "closes_minute": rule.closes,
        "dtstart": entry.on or entry.dtstart,
        "until": entry.until,
        "count": 1 if entry.on else entry.count,
        "wkst": entry.wkst,
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "starts_on": rule.starts_on,
        "ends_on": rule.ends_on,
        "week_shift": rule.week_shift,
        "phase": rule.phase,
        "on_holidays": entry.on_holidays,
    }
