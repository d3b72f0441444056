"""Reads of events."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.agenda.schemas import EventParams
from maillage_directory.models import Event, EventAttendance
from maillage_directory.visibility import Layer, visible_record_sql, with_organization
from maillage_directory.vocabulary import Terms

_BETWEEN = "e.first_on <= :until AND (e.last_on IS NULL OR e.last_on >= :since)"
# Where it is held, or the area it is for: one inside the territory asked for, or one around it. The
# postcode of a confidential place is not in its column.
_TERRITORY = (
    "(e.territory_code = ANY (CAST(:around AS text[]))"
    " OR e.postcode = ANY (CAST(:inside AS text[])))"
)


async def list_events(
    session: AsyncSession,
    layer: Layer,
    params: EventParams,
    terms: Terms,
    *,
    since: date,
    until: date,
) -> Sequence[Row[Any]]:
    """The events that may be held on these days, both included."""
    where: list[str] = [_BETWEEN]
    parameters: dict[str, Any] = {"since": since, "until": until}
    if params.territory is not None:
        inside = terms.inside(params.territory)
        above = terms.territory_above[params.territory]
        where.append(_TERRITORY)
        parameters["inside"] = inside
        parameters["around"] = [*inside, *(code for code, certain in above.items() if certain)]
    if params.need is not None:
        where.append("e.needs && CAST(:needs AS text[])")
        parameters["needs"] = sorted(terms.need_branch(params.need))
    for clause, name, value in (
        (":spoken = ANY (e.languages)", "spoken", params.spoken),
        ("e.kind = :kind", "kind", params.kind),
        ("e.audience = :audience", "audience", params.audience),
        ("e.program_code = :program", "program", params.program),
        ("e.organization_id = :organization", "organization", params.organization),
    ):
        if value is not None:
            where.append(clause)
            parameters[name] = value
    return await _visible(session, layer, " AND ".join(where), parameters)


async def find_event(session: AsyncSession, layer: Layer, event_id: UUID) -> Row[Any] | None:
    rows = await _visible(session, layer, "e.id = :id", {"id": event_id})
    return rows[0] if rows else None


async def _visible(
    session: AsyncSession, layer: Layer, where: str, parameters: dict[str, Any]
) -> Sequence[Row[Any]]:
    visible, more = visible_record_sql(layer, "e")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT e.* FROM {with_organization('event')} e"  # noqa: S608
            f" WHERE {where} AND {visible} ORDER BY e.id"
        ),
        {**parameters, **more},
    )
    return rows.all()


async def lock_event(session: AsyncSession, event_id: UUID) -> Event | None:
    found = await session.exec(select(Event).where(col(Event.id) == event_id).with_for_update())
    return found.first()


async def list_attendance(session: AsyncSession, event_id: UUID) -> Sequence[EventAttendance]:
    found = await session.exec(
        select(EventAttendance)
        .where(col(EventAttendance.event_id) == event_id)
        .order_by(col(EventAttendance.held_on))
    )
    return found.all()
