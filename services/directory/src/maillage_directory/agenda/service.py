"""Use cases of events: keep them, list when they are held, count who came."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.dates import day_of, today
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.preconditions import check_if_match
from maillage_directory.agenda.occurrences import Held, event_columns, held_between, in_order
from maillage_directory.agenda.queries import (
    find_event,
    list_attendance,
    list_events,
    lock_event,
)
from maillage_directory.agenda.schemas import (
    DEFAULT_REACH,
    FURTHEST,
    EventContent,
    EventDetail,
    EventHeld,
    EventPageParams,
    EventParams,
    EventPublic,
    NewAttendance,
    Occurrence,
)
from maillage_directory.errors import (
    EventNotFound,
    NotHeldThen,
    TooManyOccurrences,
    UnknownNeed,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import Event, EventAttendance
from maillage_directory.ownership import choose_owner, require_own
from maillage_directory.records.codes import codes_in
from maillage_directory.records.rows import OWN_SOURCE
from maillage_directory.tags import version_tags
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary

_SHOWN_AHEAD = 10
# What one calendar file holds at most: some megabytes.
_MOST_IN_CALENDAR = 5000


async def read_event(
    session: AsyncSession, event_id: UUID, *, caller: Caller, language: str
) -> EventDetail:
    """Raises EventNotFound."""
    event = await find_event(session, layer_of(caller), event_id)
    if event is None:
        raise EventNotFound
    first = today()
    ahead = islice(held_between(event, first, first + FURTHEST), _SHOWN_AHEAD)
    return EventDetail(
        **_shown(event, language).model_dump(),
        occurrences=[
            Occurrence(on=held.on, starts_at=held.starts_at, ends_at=held.ends_at) for held in ahead
        ],
    )


async def read_events(
    session: AsyncSession,
    params: EventPageParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> Page[EventHeld]:
    """Occurrences by their start. The period is kept in the cursor, so that a walk begun before
    midnight goes on as it began."""
    layer = layer_of(caller)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"events": asked, "layer": layer.name}
    since, until = _period(params)
    after: tuple[datetime, UUID] | None = None
    if params.cursor is not None:
        first, last, starts_at, last_id = cursors.decode(params.cursor, query=query)
        since, until = date.fromisoformat(first), date.fromisoformat(last)
        after = (datetime.fromisoformat(starts_at), UUID(last_id))
    walk = await _walk(
        session, layer, params, since=since, until=until, after=after, vocabulary=vocabulary
    )
    page, cursor = cut_page(
        list(islice(walk, params.limit + 1)),
        params.limit,
        key=lambda held: [
            since.isoformat(),
            until.isoformat(),
            held.starts_at.isoformat(),
            str(held.event_id),
        ],
        cursors=cursors,
        query=query,
    )
    return Page(items=[_held(held, language) for held in page], next_cursor=cursor)


async def list_held(
    session: AsyncSession, params: EventParams, *, caller: Caller, vocabulary: Vocabulary
) -> list[Held]:
    """All occurrences of the period, for a calendar; raises TooManyOccurrences."""
    since, until = _period(params)
    walk = await _walk(
        session,
        layer_of(caller),
        params,
        since=since,
        until=until,
        after=None,
        vocabulary=vocabulary,
    )
    found = list(islice(walk, _MOST_IN_CALENDAR + 1))
    if len(found) > _MOST_IN_CALENDAR:
        raise TooManyOccurrences("Ask for a territory or for fewer days.")
    return found


async def create_event(
    session: AsyncSession,
    content: EventContent,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    """Raises NotYourOrganization, UnknownNeed and the like."""
    owner = await choose_owner(session, layer_of(caller), content.organization)
    event_id = uuid7()
    row = await _row(session, content, vocabulary)
    session.add(
        Event.model_validate(
            {"id": event_id, "organization_id": owner, "source": OWN_SOURCE, **row}
        )
    )
    await session.flush()
    audit.record(AuditEvent.EVENT_CHANGED, entity="event", entity_id=event_id)
    return event_id


async def replace_event(
    session: AsyncSession,
    event_id: UUID,
    content: EventContent,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Raises EventNotFound, NotYourOrganization, a failed precondition."""
    layer = layer_of(caller)
    stored = await _lock_own(session, layer, event_id)
    check_if_match(version_tags(if_match), stored.version)
    owner = await choose_owner(session, layer, content.organization or stored.organization_id)
    row = await _row(session, content, vocabulary)
    if row["place"] == {"confidential": True} and (stored.place or {}).get("confidential"):
        row["place"] = stored.place
    for name, value in {**row, "organization_id": owner}.items():
        setattr(stored, name, value)
    stored.version += 1
    stored.updated_at = clock.now()
    await session.flush()
    audit.record(AuditEvent.EVENT_CHANGED, entity="event", entity_id=event_id)


async def delete_event(
    session: AsyncSession, event_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    stored = await _lock_own(session, layer_of(caller), event_id)
    await session.delete(stored)
    await session.flush()
    audit.record(AuditEvent.EVENT_DELETED, entity="event", entity_id=event_id)


async def count_attendance(
    session: AsyncSession,
    event_id: UUID,
    payload: NewAttendance,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> EventAttendance:
    """Keep how many came on a day that is past; told again, the last word counts.

    Raises EventNotFound, NotYourOrganization, NotHeldThen, UnknownNeed, UnknownTerritory.
    """
    stored = await _lock_own(session, layer_of(caller), event_id)
    await vocabulary.check(session, list(codes_in(payload.model_dump())))
    held = list(held_between(stored, payload.on, payload.on))
    if not any(one.on == payload.on and one.ends_at <= clock.now() for one in held):
        raise NotHeldThen("Count who came once it was held, on a day of its own.")
    row = {
        "present": payload.present,
        "need_code": payload.need,
        "territory_code": payload.territory,
        "updated_at": clock.now(),
    }
    connection = await session.connection()
    made = insert(EventAttendance).values(id=uuid7(), event_id=event_id, held_on=payload.on, **row)
    await connection.execute(
        made.on_conflict_do_update(index_elements=["event_id", "held_on"], set_=row)
    )
    audit.record(
        AuditEvent.ATTENDANCE_COUNTED,
        entity="event",
        entity_id=event_id,
        changes={"on": payload.on.isoformat()},
    )
    kept = await list_attendance(session, event_id)
    return next(one for one in kept if one.held_on == payload.on)


async def read_attendance(
    session: AsyncSession, event_id: UUID, *, caller: Caller
) -> list[EventAttendance]:
    """Raises EventNotFound."""
    if await find_event(session, layer_of(caller), event_id) is None:
        raise EventNotFound
    return list(await list_attendance(session, event_id))


async def _lock_own(session: AsyncSession, layer: Layer, event_id: UUID) -> Event:
    if await find_event(session, layer, event_id) is None:
        raise EventNotFound
    stored = await lock_event(session, event_id)
    if stored is None:
        raise EventNotFound
    require_own(layer, stored.organization_id)
    return stored


async def _walk(
    session: AsyncSession,
    layer: Layer,
    params: EventParams,
    *,
    since: date,
    until: date,
    after: tuple[datetime, UUID] | None,
    vocabulary: Vocabulary,
) -> Iterator[Held]:
    terms = await vocabulary.check(
        session,
        [
            (error, name, code)
            for error, name, code in (
                (UnknownTerritory, "territory", params.territory),
                (UnknownNeed, "need", params.need),
                (UnknownProgram, "program", params.program),
            )
            if code is not None
        ],
    )
    events = await list_events(session, layer, params, terms, since=since, until=until)
    if after is None:
        return in_order(events, since, until)
    # From the day of the last one seen; what ran on from before it has been seen as well.
    start = max(since, day_of(after[0]))
    walk = in_order(events, start, until)
    return (held for held in walk if (held.starts_at, held.event_id) > after)


def _period(params: EventParams) -> tuple[date, date]:
    since = params.since or min(today(), params.until or date.max)
    until = params.until or since + DEFAULT_REACH
    if until - since > FURTHEST:
        raise InvalidRequest(
            errors=[FieldError("period_too_long", "Ask for a year at most", parameter="to")]
        )
    return since, until


async def _row(
    session: AsyncSession, content: EventContent, vocabulary: Vocabulary
) -> dict[str, Any]:
    await vocabulary.check(session, list(codes_in(content.model_dump())))
    return event_columns(content)


def _held(held: Held, language: str) -> EventHeld:
    return EventHeld(
        on=held.on,
        starts_at=held.starts_at,
        ends_at=held.ends_at,
        event=_shown(held.event, language),
    )


def _shown(event: Any, language: str) -> EventPublic:
    place = event.place
    if place is not None and place.get("confidential"):
        place = {"confidential": True}
    return EventPublic.model_validate(
        {
            **event._mapping,
            **event.details,
            "place": place,
            "organization": event.organization_id,
            "organization_label": in_language(event.organization_name, language) or "",
            "label": in_language(event.name, language) or "",
            "program": event.program_code,
            "territory": event.territory_code,
        }
    )
