"""When a service is open: RFC 5545 rules, closures and Belgian public holidays, in Brussels time.

Nothing here is stored as a flag; "open" is always computed for an instant. The search does the same
in SQL (`search/hours.py`), and a property test holds the two together.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from maillage_common.dates import BRUSSELS as BRUSSELS

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MINUTES_A_DAY = 1440
_EPOCH = date(1970, 1, 1)
_BYDAY = re.compile(r"^(-?[1-5])?(MO|TU|WE|TH|FR|SA|SU)$")
# How far a rule is followed.
_HORIZON = timedelta(days=366 * 20)


class ImpossibleSchedule(ValueError):
    """The rule never happens or contradicts itself; the message says which part."""


@dataclass(frozen=True)
class DayFacts:
    """What a rule may ask about one calendar day.

    `days` are RFC 5545 BYDAY values that hold (`MO`, `3MO`, `-2MO`), `month_days` BYMONTHDAY values
    from both ends (`15`, `-17`), `number` days since 1970-01-01, `month` months since year 0.
    """

    day: date
    days: tuple[str, ...]
    month_days: tuple[str, ...]
    number: int
    month: int
    is_holiday: bool


@dataclass(frozen=True)
class Rule:
    """A schedule, normalised. Minutes count from midnight of the opening day (up to 2880)."""

    monthly: bool
    byday: tuple[str, ...]
    bymonthday: tuple[str, ...]
    opens: int
    closes: int
    open_on_holidays: bool
    repeat_every: int = 1
    week_shift: int = 0
    phase: int = 0
    starts_on: date | None = None
    ends_on: date | None = None

    def occurs_on(self, facts: DayFacts) -> bool:
        """Whether this rule opens on that day."""
        if facts.is_holiday and not self.open_on_holidays:
            return False
        if self.starts_on and facts.day < self.starts_on:
            return False
        if self.ends_on and facts.day > self.ends_on:
            return False
        if self.byday and not set(self.byday) & set(facts.days):
            return False
        if self.bymonthday and not set(self.bymonthday) & set(facts.month_days):
            return False
        return self.period_of(facts) % self.repeat_every == self.phase

    def period_of(self, facts: DayFacts) -> int:
        """The number of the week or month that `repeat_every` counts."""
        return facts.month if self.monthly else (facts.number + self.week_shift) // 7


@dataclass(frozen=True)
class Closed:
    """Days on which nothing opens, both included."""

    starts_on: date
    ends_on: date


@lru_cache(maxsize=4096)
def day_facts(day: date) -> DayFacts:
    weekday = WEEKDAYS[day.weekday()]
    length = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    from_start = (day.day - 1) // 7 + 1
    from_end = (length - day.day) // 7 + 1
    return DayFacts(
        day=day,
        days=(weekday, f"{from_start}{weekday}", f"-{from_end}{weekday}"),
        month_days=(str(day.day), str(day.day - length - 1)),
        number=(day - _EPOCH).days,
        month=day.year * 12 + day.month - 1,
        is_holiday=day in _holidays(day.year),
    )


@lru_cache(maxsize=64)
def _holidays(year: int) -> frozenset[date]:
    # Holds 8 MB, the calendars of all countries: for processes that are asked about hours.
    import holidays

    return frozenset(holidays.country_holidays("BE", years=year))


@lru_cache(maxsize=256)
def local_minute(instant: datetime) -> tuple[date, int]:
    """The calendar day and the minute of it that clocks in Brussels show at `instant`."""
    local = instant.astimezone(BRUSSELS)
    return local.date(), local.hour * 60 + local.minute


def closing_time(
    rules: Sequence[Rule], closures: Sequence[Closed], instant: datetime
) -> datetime | None:
    """When the service closes if it is open at `instant`, else None. Aware, Brussels time.

    A closure covers openings that start within it: a night that began the evening before runs on.
    """
    today, minute = local_minute(instant)
    yesterday = today - timedelta(days=1)
    last: datetime | None = None
    for day, at in ((today, minute), (yesterday, minute + MINUTES_A_DAY)):
        if any(closed.starts_on <= day <= closed.ends_on for closed in closures):
            continue
        facts = day_facts(day)
        for rule in rules:
            if rule.opens <= at < rule.closes and rule.occurs_on(facts):
                closes = wall_clock(day, rule.closes)
                last = max(last, closes) if last else closes
    return last


def wall_clock(day: date, minute: int) -> datetime:
    """The instant when clocks in Brussels show that minute, counted from midnight of `day`."""
    days, within = divmod(minute, MINUTES_A_DAY)
    clock = time(within // 60, within % 60)
    return datetime.combine(day + timedelta(days=days), clock, tzinfo=BRUSSELS)


def minutes(clock: str) -> int:
    """`09:30` → 570; `24:00` → 1440."""
    match = re.fullmatch(r"(\d{2}):(\d{2})(:00)?", clock)
    if match is None:
        raise ImpossibleSchedule("write a time as HH:MM")
    hour, minute = int(match[1]), int(match[2])
    if minute > 59 or hour * 60 + minute > MINUTES_A_DAY:
        raise ImpossibleSchedule("there is no such time")
    return hour * 60 + minute


def clock_text(minute: int) -> str:
    """The reverse of `minutes`, for a minute of the opening day or of the next one."""
    shown = minute if minute <= MINUTES_A_DAY else minute - MINUTES_A_DAY
    return f"{shown // 60:02d}:{shown % 60:02d}"


def make_rule(
    *,
    freq: str,
    opens_at: str,
    closes_at: str,
    byday: Sequence[str] = (),
    bymonthday: Sequence[str] = (),
    interval: int = 1,
    wkst: str = "MO",
    dtstart: date | None = None,
    until: date | None = None,
    count: int | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
    open_on_holidays: bool = False,
) -> Rule:
    """Normalise the parts of an HSDS schedule; raises ImpossibleSchedule."""
    monthly = freq == "MONTHLY"
    opens, closes = _span(opens_at, closes_at)
    byday, bymonthday = _days(monthly, byday, bymonthday, dtstart)
    if (interval > 1 or count is not None) and dtstart is None:
        raise ImpossibleSchedule("interval and count need dtstart")
    shift = (3 - WEEKDAYS.index(wkst)) % 7
    rule = Rule(
        monthly=monthly,
        byday=byday,
        bymonthday=bymonthday,
        opens=opens,
        closes=closes,
        open_on_holidays=open_on_holidays,
        repeat_every=interval,
        week_shift=shift,
        starts_on=max((day for day in (dtstart, valid_from) if day), default=None),
    )
    if interval > 1 and dtstart is not None:
        rule = _replaced(rule, phase=rule.period_of(day_facts(dtstart)) % interval)
    ends = [day for day in (until, valid_to) if day]
    if count is not None and dtstart is not None:
        ends.append(_last_of(_replaced(rule, starts_on=dtstart, open_on_holidays=True), count))
    rule = _replaced(rule, ends_on=min(ends, default=None))
    if rule.starts_on and rule.ends_on and rule.starts_on > rule.ends_on:
        raise ImpossibleSchedule("it ends before it starts")
    _refuse_never(_replaced(rule, open_on_holidays=True))
    return rule


def _refuse_never(rule: Rule) -> None:
    """A rule that opens on no day of its validity, or not within twenty years."""
    is_odd = rule.monthly and (rule.repeat_every > 1 or (rule.byday and rule.bymonthday))
    if rule.ends_on is None and not is_odd:
        return
    day = rule.starts_on or (rule.ends_on or _EPOCH + 2 * _HORIZON) - _HORIZON
    last = min(rule.ends_on or date.max, day + _HORIZON)
    while not rule.occurs_on(day_facts(day)):
        day += timedelta(days=1)
        if day > last:
            raise ImpossibleSchedule("none of its days falls within its validity")


def _replaced(rule: Rule, **changes: object) -> Rule:
    return Rule(**{**rule.__dict__, **changes})


def _span(opens_at: str, closes_at: str) -> tuple[int, int]:
    opens, closes = minutes(opens_at), minutes(closes_at)
    if opens == closes:
        raise ImpossibleSchedule("it closes when it opens; write 00:00 to 24:00 for a whole day")
    if opens == MINUTES_A_DAY:
        raise ImpossibleSchedule("24:00 is a closing time; open at 00:00")
    return opens, closes if closes > opens else closes + MINUTES_A_DAY


def _days(
    monthly: bool, byday: Sequence[str], bymonthday: Sequence[str], dtstart: date | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    for value in byday:
        match = _BYDAY.match(value)
        if match is None:
            raise ImpossibleSchedule("byday holds MO to SU, with a number only when monthly (2TU)")
        if match[1] and not monthly:
            raise ImpossibleSchedule("a numbered weekday needs freq MONTHLY")
    if bymonthday and not monthly:
        raise ImpossibleSchedule("bymonthday needs freq MONTHLY")
    if any(
        not re.fullmatch(r"-?\d{1,2}", value) or not 1 <= abs(int(value)) <= 31
        for value in bymonthday
    ):
        raise ImpossibleSchedule("bymonthday holds 1 to 31 or -31 to -1")
    if byday or bymonthday:
        return tuple(byday), tuple(str(int(value)) for value in bymonthday)
    if dtstart is None:
        raise ImpossibleSchedule("say on which days, by byday, bymonthday or dtstart")
    if monthly:
        return (), (str(dtstart.day),)
    return (WEEKDAYS[dtstart.weekday()],), ()


def _last_of(rule: Rule, count: int) -> date:
    """The day of occurrence number `count`, from `starts_on` (RFC 5545 COUNT)."""
    assert rule.starts_on is not None
    day, seen, horizon = rule.starts_on, 0, rule.starts_on + _HORIZON
    while day <= horizon:
        if rule.occurs_on(day_facts(day)):
            seen += 1
            if seen == count:
                return day
        day += timedelta(days=1)
    raise ImpossibleSchedule("count reaches further than twenty years")


def covers_all_days(rules: Sequence[tuple[str, Sequence[str], int]]) -> bool:
    """Whether weekly rules (freq, byday, interval) together name all seven days.

    A service open every day is open on public holidays too, unless it says otherwise.
    """
    named = {
        day
        for freq, byday, interval in rules
        if freq == "WEEKLY" and interval == 1
        for day in byday
    }
    return named >= set(WEEKDAYS)
