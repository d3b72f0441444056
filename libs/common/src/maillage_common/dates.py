"""Days and instants as they come in: those that every calendar and clock can count on from.

The first and last days that Python and PostgreSQL know break whatever adds a day, or looks at them
from another zone.
"""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

Day = Annotated[date, Field(ge=date(1900, 1, 1), lt=date(2200, 1, 1))]
BEGINNING, END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Instant = Annotated[AwareDatetime, Field(ge=BEGINNING, lt=END)]
