"""Use cases of rotas: keep one, read them, tell who is on duty."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.preconditions import check_if_match
from maillage_directory import projection
from maillage_directory.errors import RotaNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import HolidayRule, ResourceType, Rota, RotaTurn
from maillage_directory.opening import Rule, clock_text, closing_time
from maillage_directory.ownership import choose_owner, require_editor, require_own
from maillage_directory.rotas.queries import (
    list_rotas,
    list_services_on,
    list_turns,
    lock_rota,
    owners_of_services,
)
from maillage_directory.rotas.schemas import (
    OnDuty,
    RotaContent,
    RotaParams,
    RotaPublic,
    TurnEntry,
    TurnPublic,
    turn_row,
)
from maillage_directory.tags import version_tags
from maillage_directory.visibility import Layer, layer_of


async def read_rota(
    session: AsyncSession, rota_id: UUID, *, caller: Caller, language: str
) -> RotaPublic:
    """Raises RotaNotFound."""
    layer = layer_of(caller)
    rows = await list_rotas(session, layer, rota=rota_id)
    if not rows:
        raise RotaNotFound
    return (await _shown(session, layer, rows, language))[0]


async def read_rotas(
    session: AsyncSession, params: RotaParams, *, caller: Caller, language: str, cursors: Cursors
) -> Page[RotaPublic]:
    layer = layer_of(caller)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"rotas": asked, "layer": layer.name}
    after = UUID(cursors.decode(params.cursor, query=query)[0]) if params.cursor else None
    rows = await list_rotas(
        session,
        layer,
        organization=params.organization,
        service=params.service,
        after=after,
        row_count=params.limit + 1,
    )
    page, cursor = cut_page(
        rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=await _shown(session, layer, page, language), next_cursor=cursor)


async def create_rota(
    session: AsyncSession, content: RotaContent, *, caller: Caller, audit: AuditTrail
) -> UUID:
    """Raises NotYourOrganization, also when a service on it is another organization's."""
    layer = layer_of(caller)
    owner = await choose_owner(session, layer, content.organization)
    await _check_services(session, layer, content.turns)
    rota_id = uuid7()
    session.add(
        Rota.model_validate(
            {
                "id": rota_id,
                "organization_id": owner,
                "name": content.name,
                "description": content.description,
            }
        )
    )
    await session.flush()
    await _write_turns(session, rota_id, content.turns, before=())
    audit.record(AuditEvent.ROTA_CHANGED, entity="rota", entity_id=rota_id)
    return rota_id


async def replace_rota(
    session: AsyncSession,
    rota_id: UUID,
    content: RotaContent,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
) -> None:
    """Raises RotaNotFound, NotYourOrganization, a failed precondition."""
    layer = layer_of(caller)
    stored = await _lock_own(session, layer, rota_id)
    check_if_match(version_tags(if_match), stored.version)
    stored.organization_id = await choose_owner(
        session, layer, content.organization or stored.organization_id
    )
    await _check_services(session, layer, content.turns)
    stored.name, stored.description = content.name, content.description
    stored.version += 1
    stored.updated_at = clock.now()
    before = await list_services_on(session, rota_id)
    await session.flush()
    await _write_turns(session, rota_id, content.turns, before=before)
    audit.record(AuditEvent.ROTA_CHANGED, entity="rota", entity_id=rota_id)


async def delete_rota(
    session: AsyncSession, rota_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    stored = await _lock_own(session, layer_of(caller), rota_id)
    before = await list_services_on(session, rota_id)
    await session.delete(stored)
    await session.flush()
    await projection.refresh(session, services=before)
    audit.record(AuditEvent.ROTA_DELETED, entity="rota", entity_id=rota_id)


async def _lock_own(session: AsyncSession, layer: Layer, rota_id: UUID) -> Rota:
    if not await list_rotas(session, layer, rota=rota_id):
        raise RotaNotFound
    stored = await lock_rota(session, rota_id)
    if stored is None:
        raise RotaNotFound
    require_own(layer, stored.organization_id)
    return stored


async def _check_services(session: AsyncSession, layer: Layer, turns: Sequence[TurnEntry]) -> None:
    """Being on duty opens a service, so that only who may edit it puts it on a rota."""
    owners = await owners_of_services(session, list({turn.service for turn in turns}))
    unknown = [number for number, turn in enumerate(turns) if turn.service not in owners]
    if unknown:
        raise InvalidRequest(
            errors=[
                FieldError("unknown_service", "No service has this id", f"/turns/{number}/service")
                for number in unknown
            ]
        )
    for service, owner in owners.items():
        await require_editor(session, layer, ResourceType.SERVICE, service, owner)


async def _write_turns(
    session: AsyncSession, rota_id: UUID, turns: Sequence[TurnEntry], *, before: Iterable[UUID]
) -> None:
    connection = await session.connection()
    await connection.execute(delete(RotaTurn).where(col(RotaTurn.rota_id) == rota_id))
    rows = [
        {"id": uuid7(), "rota_id": rota_id, "position": position, **turn_row(turn)}
        for position, turn in enumerate(turns)
    ]
    if rows:
        await connection.execute(insert(RotaTurn), rows)
    touched = {*before, *(turn.service for turn in turns)}
    await projection.refresh(session, services=sorted(touched))


async def _shown(
    session: AsyncSession, layer: Layer, rotas: Sequence[Any], language: str
) -> list[RotaPublic]:
    turns = defaultdict(list)
    for turn in await list_turns(session, layer, [rota.id for rota in rotas]):
        turns[turn.rota_id].append(turn)
    now = clock.now()
    return [
        RotaPublic(
            id=rota.id,
            organization=rota.organization_id,
            name=rota.name,
            label=in_language(rota.name, language) or "",
            description=rota.description,
            turns=[_turn(turn, language) for turn in turns[rota.id]],
            on_duty=_on_duty(turns[rota.id], now, language),
            version=rota.version,
            updated_at=rota.updated_at,
        )
        for rota in rotas
    ]


def _turn(row: Any, language: str) -> TurnPublic:
    return TurnPublic(
        service=row.service_id,
        service_label=in_language(row.service_name, language) or "",
        opens_at=clock_text(row.opens_minute),
        closes_at=clock_text(row.closes_minute),
        interval=row.repeat_every,
        byday=",".join(row.byday) or None,
        bymonthday=",".join(row.bymonthday) or None,
        **{
            name: getattr(row, name)
            for name in (
                *("freq", "dtstart", "until", "count", "wkst"),
                *("valid_from", "valid_to", "on_holidays"),
            )
        },
    )


def _on_duty(turns: Iterable[Any], now: datetime, language: str) -> list[OnDuty]:
    """Each service whose turn it is, until the last of its turns that run now."""
    until: dict[UUID, OnDuty] = {}
    for turn in turns:
        ends = closing_time([rule_of(turn)], [], now)
        if ends is None or turn.service_status != "active":
            continue
        held = until.get(turn.service_id)
        if held is None or held.until < ends:
            until[turn.service_id] = OnDuty(
                service=turn.service_id,
                service_label=in_language(turn.service_name, language) or "",
                until=ends,
            )
    return list(until.values())


def rule_of(row: Any) -> Rule:
    """The rule of a stored turn."""
    starts_on: date | None = row.starts_on
    return Rule(
        monthly=row.freq == "MONTHLY",
        byday=tuple(row.byday),
        bymonthday=tuple(row.bymonthday),
        opens=row.opens_minute,
        closes=row.closes_minute,
        open_on_holidays=row.on_holidays == HolidayRule.OPEN,
        repeat_every=row.repeat_every,
        week_shift=row.week_shift,
        phase=row.phase,
        starts_on=starts_on,
        ends_on=row.ends_on,
    )
