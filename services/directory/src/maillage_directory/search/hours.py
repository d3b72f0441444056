"""Whether a service is open at an instant, in SQL; `opening.closing_time` is the same in Python.

Plain weekly rules are ranges on the row (see ServiceSearch); others, and the turns of a rota, are
looked up for the services that have them.
"""

from datetime import datetime, timedelta
from typing import Any

from maillage_directory.opening import MINUTES_A_DAY, day_facts, local_minute

# `{name}` is a prefix of our own parameters' names.
_OPENING = """(NOT s.closed @> CAST(:{name}_day AS date) AND (
    CASE WHEN CAST(:{name}_is_holiday AS boolean) THEN s.holiday_hours ELSE s.hours END
        @> CAST(:{name}_slot AS int)
    OR s.has_rules AND public.opens_by_rule(
        s.service_id, CAST(:{name}_at AS int), CAST(:{name}_day AS date),
        CAST(:{name}_is_holiday AS boolean), CAST(:{name}_days AS text[]),
        CAST(:{name}_month_days AS text[]), CAST(:{name}_number AS int), CAST(:{name}_month AS int))
))"""


def open_sql(parameters: dict[str, Any], number: int, moment: datetime) -> str:
    """Open at `moment`: an opening of that day, or one of the eve that runs past midnight.

    Adds its own to `parameters`; `number` keeps several instants of one search apart.
    """
    today, minute = local_minute(moment)
    ways = []
    for day, at, name in (
        (today, minute, f"open{number}_today"),
        (today - timedelta(days=1), minute + MINUTES_A_DAY, f"open{number}_eve"),
    ):
        facts = day_facts(day)
        parameters |= {
            f"{name}_at": at,
            f"{name}_slot": day.weekday() * 2 * MINUTES_A_DAY + at,
            f"{name}_day": day,
            f"{name}_is_holiday": facts.is_holiday,
            f"{name}_days": list(facts.days),
            f"{name}_month_days": list(facts.month_days),
            f"{name}_number": facts.number,
            f"{name}_month": facts.month,
        }
        ways.append(_OPENING.format(name=name))
    return f"({' OR '.join(ways)})"
