"""Whether a service is open at an instant, in SQL; `opening.closing_time` is the same in Python.

Plain weekly rules are ranges on the row (see ServiceSearch); the others, and the turns of rotas,
are objects on it, asked by a path.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from maillage_directory.opening import MINUTES_A_DAY, day_facts, local_minute

# `Rule.occurs_on`. `==` between two lists holds when any members of theirs are equal.
_OCCURS = """$[*] ? (@.closes > $at && @.opens <= $at
    && (@.on_holidays == "open" || $is_holiday == false)
    && (!exists(@.starts_on) || @.starts_on <= $day)
    && (!exists(@.ends_on) || @.ends_on >= $day)
    && (!exists(@.byday[*]) || @.byday[*] == $days[*])
    && (!exists(@.bymonthday[*]) || @.bymonthday[*] == $month_days[*])
    && (@.interval == 1
        || @.freq == "WEEKLY" && (($number + @.week_shift) / 7).floor() % @.interval == @.phase
        || @.freq == "MONTHLY" && $month % @.interval == @.phase))"""
# `{name}` is a prefix of our own parameters' names.
_OPENING = f"""((
    CASE WHEN CAST(:{{name}}_is_holiday AS boolean) THEN s.holiday_hours ELSE s.hours END
        @> CAST(:{{name}}_slot AS int)
    OR COALESCE(jsonb_path_exists(s.rules, '{_OCCURS}', CAST(:{{name}}_facts AS jsonb)), false)
) AND NOT s.closed @> CAST(:{{name}}_day AS date))"""


def open_sql(parameters: dict[str, Any], number: int, moment: datetime) -> str:
    """Open at `moment`: an opening of that day, or one of the eve that runs past midnight.

    Adds its own to `parameters`; `number` keeps several instants of one search apart.
    """
    ways = []
    for when, (day, at) in zip(("today", "eve"), _openings(moment), strict=True):
        name = f"open{number}_{when}"
        parameters[f"{name}_slot"] = _week_minute(day, at)
        parameters[f"{name}_day"] = day
        parameters[f"{name}_is_holiday"] = day_facts(day).is_holiday
        parameters[f"{name}_facts"] = _facts(day, at)
        ways.append(_opening(name))
    return f"({' OR '.join(ways)})"


def half_hours(moment: datetime) -> tuple[str, ...]:
    """The half hours of the week, as in `Terms.shares`, in which what is open at `moment` opens."""
    return tuple(str(_week_minute(day, at) // 30) for day, at in _openings(moment))


def _openings(moment: datetime) -> tuple[tuple[date, int], ...]:
    """The day that opens and its minute: of the same day, and of the eve past midnight."""
    today, minute = local_minute(moment)
    return (today, minute), (today - timedelta(days=1), minute + MINUTES_A_DAY)


def _week_minute(day: date, minute: int) -> int:
    """As `ServiceSearch.hours` counts: each weekday has the minutes of two days."""
    return day.weekday() * 2 * MINUTES_A_DAY + minute


@lru_cache(maxsize=64)
def _opening(name: str) -> str:
    return _OPENING.format(name=name)


@lru_cache(maxsize=1024)
def _facts(day: date, at: int) -> str:
    facts = day_facts(day)
    told = {
        "at": at,
        "day": day,
        "days": facts.days,
        "month_days": facts.month_days,
        "number": facts.number,
        "month": facts.month,
        "is_holiday": facts.is_holiday,
    }
    return orjson.dumps(told).decode()
