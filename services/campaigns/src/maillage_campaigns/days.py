"""Which day it is: a campaign's first and last day, and what is dated, are days in Brussels."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from maillage_common import clock

BRUSSELS = ZoneInfo("Europe/Brussels")


def day_of(instant: datetime) -> date:
    """The day in Brussels at `instant` (aware): for an hour or two already UTC's next one."""
    return instant.astimezone(BRUSSELS).date()


def today() -> date:
    return day_of(clock.now())
