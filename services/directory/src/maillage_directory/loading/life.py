"""Loads what lives around services: events, rotas, diagnoses, collections; for admins alone."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.columns import uuid7
from maillage_directory import projection
from maillage_directory.agenda.occurrences import event_columns
from maillage_directory.loading.checking import with_organization, without_faults
from maillage_directory.loading.context import upsert
from maillage_directory.loading.outcome import Lined, Outcome, Rejected, Run
from maillage_directory.models import (
    Collection,
    CollectionItem,
    Diagnostic,
    Event,
    Rota,
    RotaTurn,
    Service,
)
from maillage_directory.records.life import (
    CollectionRecord,
    DiagnosticRecord,
    EventRecord,
    RotaRecord,
)
from maillage_directory.records.writing import table_of
from maillage_directory.rotas.schemas import turn_row


async def load_life(
    session: AsyncSession, by_kind: Mapping[type, Lined], run: Run, outcome: Outcome
) -> None:
    """After organizations and services, which these name."""
    for kind, load in (
        (EventRecord, _load_events),
        (DiagnosticRecord, _load_diagnostics),
        (RotaRecord, _load_rotas),
        (CollectionRecord, _load_collections),
    ):
        lined = await with_organization(session, by_kind[kind], run, outcome)
        known = without_faults(lined, outcome)
        if known:
            await load(session, known, run, outcome)


async def _load_events(session: AsyncSession, lined: Lined, run: Run, outcome: Outcome) -> None:
    rows = [{**_told(record), **event_columns(record)} for _, record in lined]
    await upsert(session, table_of(Event), rows, "event", run, outcome)


async def _load_diagnostics(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> None:
    rows = [
        {
            **_told(record),
            **record.model_dump(exclude={"id", "source", "type", "organization", "territory"}),
            "territory_code": record.territory,
        }
        for _, record in lined
    ]
    await upsert(session, table_of(Diagnostic), rows, "diagnostic", run, outcome)


async def _load_rotas(session: AsyncSession, lined: Lined, run: Run, outcome: Outcome) -> None:
    lined = await _with_services(
        session, lined, outcome, lambda record: [turn.service for turn in record.turns]
    )
    rows = [
        {
            "id": record.id,
            "organization_id": record.organization,
            "name": record.name,
            "description": record.description,
        }
        for _, record in lined
    ]
    await upsert(session, table_of(Rota), rows, "rota", run, outcome)
    turns = [
        {"id": uuid7(), "rota_id": record.id, "position": position, **turn_row(turn)}
        for _, record in lined
        for position, turn in enumerate(record.turns)
    ]
    if run.is_dry or not rows:
        return
    await _replace(session, RotaTurn, col(RotaTurn.rota_id), [row["id"] for row in rows], turns)
    await projection.refresh(session, services=sorted({turn["service_id"] for turn in turns}))


async def _load_collections(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> None:
    lined = await _with_services(
        session, lined, outcome, lambda record: [item.service for item in record.items]
    )
    rows = [
        {
            **_told(record),
            **record.model_dump(include={"title", "description", "visibility", "network"}),
        }
        for _, record in lined
    ]
    await upsert(session, table_of(Collection), rows, "collection", run, outcome)
    items = [
        {
            "collection_id": record.id,
            "service_id": item.service,
            "position": position,
            "note": item.note,
        }
        for _, record in lined
        for position, item in enumerate(record.items)
    ]
    if run.is_dry or not rows:
        return
    kept = [row["id"] for row in rows]
    await _replace(session, CollectionItem, col(CollectionItem.collection_id), kept, items)


def _told(record: Any) -> dict[str, Any]:
    return {
        "id": record.id,
        "organization_id": record.organization,
        "source": record.source,
    }


async def _with_services(
    session: AsyncSession, lined: Lined, outcome: Outcome, named: Any
) -> Lined:
    wanted = {service for _, record in lined for service in named(record)}
    found = await session.exec(select(Service.id).where(projection.among(Service.id, wanted)))
    present = set(found.all())
    kept: Lined = []
    for number, record in lined:
        if present.issuperset(named(record)):
            kept.append((number, record))
        else:
            outcome.rejected.append(
                Rejected(number, "unknown_service", "/service", "Load it first.")
            )
    return kept


async def _replace(
    session: AsyncSession,
    model: Any,
    owner: Any,
    owners: Iterable[UUID],
    rows: list[dict[str, Any]],
) -> None:
    connection = await session.connection()
    await connection.execute(delete(model).where(owner.in_(list(owners))))
    if rows:
        await connection.execute(insert(model), rows)
