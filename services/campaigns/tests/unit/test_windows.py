from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maillage_campaigns.calling.windows import is_open, local_time, next_opening
from maillage_campaigns.rules import CallingRules, CallingWindow, Weekday

BRUSSELS = ZoneInfo("Europe/Brussels")
OFFICE_HOURS = CallingRules()
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-11-23T08:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T19:59", True),
        ("2026-11-23T20:00", False),
        ("2026-11-22T10:00", False),  # a Sunday
        ("2026-11-11T10:00", False),  # Armistice, a Wednesday
        ("2026-07-21T10:00", False),  # the national day, a Tuesday
        ("2026-11-12T10:00", True),
    ],
)
def test_opens_in_office_hours_but_not_on_public_holidays(instant: str, expected: bool) -> None:
    assert is_open(OFFICE_HOURS, at(instant)) is expected


def test_may_open_on_public_holidays_when_the_campaign_says_so() -> None:
    rules = CallingRules(on_public_holidays=True)
    assert is_open(rules, at("2026-11-11T10:00"))


def test_hours_are_those_of_brussels_in_winter_and_summer() -> None:
    assert is_open(OFFICE_HOURS, datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert not is_open(OFFICE_HOURS, datetime(2026, 11, 23, 7, 59, tzinfo=UTC))
    assert is_open(OFFICE_HOURS, datetime(2026, 7, 20, 7, 0, tzinfo=UTC))
    assert local_time(datetime(2026, 7, 20, 7, 0, tzinfo=UTC)) == time(9, 0)


def test_next_opening_passes_over_weekends_and_holidays() -> None:
    friday_evening = at("2026-11-20T21:00")
    assert next_opening(OFFICE_HOURS, friday_evening) == at("2026-11-23T09:00")
    before_armistice = at("2026-11-10T20:30")
    assert next_opening(OFFICE_HOURS, before_armistice) == at("2026-11-12T09:00")


def test_next_opening_is_now_when_open_and_midnight_is_24_00() -> None:
    always = CallingRules(
        windows=[CallingWindow(days=list(Weekday), opens_at="00:00", closes_at="24:00")],
        on_public_holidays=True,
    )
    instant = at("2026-11-22T23:59")
    assert is_open(always, instant)
    assert next_opening(always, instant) == instant


@given(st.integers(0, 5 * 366 * 24 * 60).map(lambda n: FIRST + timedelta(minutes=n)))
def test_the_next_opening_is_open_and_never_in_the_past(instant: datetime) -> None:
    opening = next_opening(OFFICE_HOURS, instant)
    assert opening is not None
    assert opening >= instant
    assert is_open(OFFICE_HOURS, opening)


@pytest.mark.parametrize("hours", [("20:00", "09:00"), ("9:00", "10:00"), ("09:00", "24:30")])
def test_refuses_windows_that_are_none(hours: tuple[str, str]) -> None:
    with pytest.raises(ValidationError):
        CallingWindow(days=[Weekday.MONDAY], opens_at=hours[0], closes_at=hours[1])
