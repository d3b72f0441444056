"""Days and instants: which come in, and which day it is. Every day of ours is one in Brussels."""

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from maillage_common import clock

BRUSSELS = ZoneInfo("Europe/Brussels")

# Those that every calendar and clock can count on from: the first and last days that Python and
# PostgreSQL know break whatever adds a day, or looks at them from another zone.
Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
BEGINNING, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Instant = Annotated[AwareDatetime, Field(ge=BEGINNING, lt=END)]


def day_of(instant: datetime) -> date:
    """The day in Brussels at `instant` (aware): for an hour or two already UTC's next one."""
    return instant.astimezone(BRUSSELS).date()


def today() -> date:
    return day_of(clock.now())
