"""When an event is held: always computed, never stored."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from maillage_common.dates import BRUSSELS, day_of
from maillage_directory.agenda.schemas import EventContent
from maillage_directory.models import HolidayRule
from maillage_directory.opening import Rule, day_facts, wall_clock
from maillage_directory.records.parts import ScheduleEntry


class Held(NamedTuple):
    """One occurrence; in this order of fields they are listed."""

    starts_at: datetime
    event_id: UUID
    ends_at: datetime
    event: Any

    @property
    def on(self) -> date:
        return day_of(self.starts_at)


def bounds(content: EventContent) -> tuple[date, date | None]:
    """The first and the last day on which an occurrence may begin; no last: no end."""
    if content.schedule is not None:
        rule = content.schedule.as_rule()
        return rule.starts_on or date(1970, 1, 1), rule.ends_on
    assert content.starts_at is not None
    assert content.ends_at is not None
    starts, ends = (day_of(at) for at in (content.starts_at, content.ends_at))
    return starts, ends


def event_columns(content: EventContent) -> dict[str, Any]:
    """The columns of an event that its content gives."""
    first_on, last_on = bounds(content)
    place = content.place
    return {
        **content.model_dump(
            include={
                *("kind", "audience", "name", "description", "needs", "languages"),
                *("starts_at", "ends_at", "visibility", "network"),
            }
        ),
        "program_code": content.program,
        "territory_code": content.territory,
        "place": place.model_dump(mode="json", exclude_defaults=True) if place else None,
        "postcode": place.postcode if place and not place.confidential else None,
        "schedule": (
            content.schedule.model_dump(mode="json", exclude_defaults=True)
            if content.schedule
            else None
        ),
        "cancelled_on": sorted({day.isoformat() for day in content.cancelled_on}),
        "first_on": first_on,
        "last_on": last_on,
        "details": content.model_dump(
            mode="json", include={"url", "email", "phone"}, exclude_none=True
        ),
    }


def held_between(event: Any, since: date, until: date) -> Iterator[Held]:
    """The occurrences of a stored event that begin on these days, both included, in order; one
    that is still going on at the start of `since` too."""
    if event.starts_at is not None:
        starts, ends = (at.astimezone(BRUSSELS) for at in (event.starts_at, event.ends_at))
        cancelled = starts.date().isoformat() in event.cancelled_on
        if starts.date() <= until and ends.date() >= since and not cancelled:
            yield Held(starts, event.id, ends, event)
        return
    rule = _rule(event.schedule)
    if rule is None:
        return
    day = max(since, event.first_on)
    last = min(until, event.last_on) if event.last_on else until
    while day <= last:
        if rule.occurs_on(day_facts(day)) and day.isoformat() not in event.cancelled_on:
            opens, closes = wall_clock(day, rule.opens), wall_clock(day, rule.closes)
            yield Held(opens, event.id, closes, event)
        day += timedelta(days=1)


def in_order(events: Iterable[Any], since: date, until: date) -> Iterator[Held]:
    """The occurrences of many events, by start and then by id."""
    return heapq.merge(
        *(held_between(event, since, until) for event in events),
        key=lambda held: (held.starts_at, held.event_id),
    )


def _rule(schedule: dict[str, Any]) -> Rule | None:
    """None: it is never held, which was not always refused."""
    # COUNT is already in the event's last day, and is slow to follow; words say nothing here.
    try:
        entry = ScheduleEntry.model_validate({**schedule, "count": None, "description": {}})
    except ValidationError:
        return None
    return entry.as_rule(open_on_holidays=entry.on_holidays == HolidayRule.OPEN)
