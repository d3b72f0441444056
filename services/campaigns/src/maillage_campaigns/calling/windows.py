"""When a campaign may call: weekday, hours and Belgian public holidays, in Brussels time."""

import functools
from datetime import date, datetime, time, timedelta

import holidays

from maillage_campaigns.rules import CallingRules, CallingWindow, Weekday, minutes_of
from maillage_common.dates import BRUSSELS, day_of

_WEEKDAYS = tuple(Weekday)
_HORIZON_DAYS = 366


@functools.lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("BE", years=year))


def local_time(instant: datetime) -> time:
    """The clock on the wall in Brussels, to the minute."""
    local = instant.astimezone(BRUSSELS)
    return time(local.hour, local.minute)


def is_open(rules: CallingRules, instant: datetime) -> bool:
    """Whether one may call at `instant`. A window is closed at its closing minute."""
    local = instant.astimezone(BRUSSELS)
    minute = local.hour * 60 + local.minute
    return any(
        minutes_of(window.opens_at) <= minute < minutes_of(window.closes_at)
        for window in _windows_on(rules, local.date())
    )


def next_opening(rules: CallingRules, after: datetime) -> datetime | None:
    """`after` itself when open then, else the next opening within a year."""
    if is_open(rules, after):
        return after
    day = day_of(after)
    for _ in range(_HORIZON_DAYS):
        openings = sorted(minutes_of(window.opens_at) for window in _windows_on(rules, day))
        for minutes in openings:
            opening = datetime.combine(day, time(*divmod(minutes, 60)), BRUSSELS)
            if opening.astimezone(after.tzinfo) > after:
                return opening.astimezone(after.tzinfo)
        day += timedelta(days=1)
    return None


def _windows_on(rules: CallingRules, day: date) -> list[CallingWindow]:
    if not rules.on_public_holidays and day in _public_holidays(day.year):
        return []
    weekday = _WEEKDAYS[day.weekday()]
    return [window for window in rules.windows if weekday in window.days]
