"""Loads records: checks each line, keeps the good ones, reports the others."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory import projection
from maillage_directory.loading.context import load_coverage, load_observations
from maillage_directory.loading.outcome import Lined, Outcome, Rejected
from maillage_directory.models import Organization, Service
from maillage_directory.records.rows import (
    digest,
    history_rows,
    organization_columns,
    organization_parts,
    provenance_columns,
    service_columns,
    service_parts,
)
from maillage_directory.records.schemas import (
    CoverageRecord,
    ObservationRecord,
    OrganizationRecord,
    Record,
    ServiceRecord,
)
from maillage_directory.records.writing import (
    add_history,
    locations_of_others,
    merged,
    place_in_communes,
    write_organizations,
    write_services,
)
from maillage_directory.vocabulary import Terms, load_terms, nearest

MAX_LINE_BYTES = 1 << 20
_RECORD: TypeAdapter[Any] = TypeAdapter(Record)


async def load_records(session: AsyncSession, lines: Iterable[bytes]) -> Outcome:
    """Write every good record of `lines` (NDJSON) and say what was wrong with the others.

    Records are upserted by id. One whose source says the same as last time is left alone, so that
    corrections made here since then stay.
    """
    outcome = Outcome()
    by_kind: dict[type, Lined] = {
        kind: [] for kind in (OrganizationRecord, ServiceRecord, ObservationRecord, CoverageRecord)
    }
    for number, record in _parsed(lines, outcome):
        by_kind[type(record)].append((number, record))
    for kind in (OrganizationRecord, ServiceRecord):
        by_kind[kind] = _without_repeats(by_kind[kind], outcome)
    terms = await load_terms(session)
    await _load_organizations(session, by_kind[OrganizationRecord], outcome)
    await _load_services(session, by_kind[ServiceRecord], terms, outcome)
    await load_coverage(session, by_kind[CoverageRecord], terms, outcome)
    await load_observations(session, by_kind[ObservationRecord], terms, outcome)
    outcome.rejected.sort(key=lambda rejected: rejected.line)
    return outcome


def _parsed(lines: Iterable[bytes], outcome: Outcome) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            outcome.rejected.append(Rejected(number, "line_too_long", "", "A line holds 1 MiB."))
            continue
        try:
            yield number, _RECORD.validate_python(json.loads(line))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            # The discriminator's tag is part of `loc` but not of the record.
            pointer = "".join(f"/{part}" for part in first["loc"][1:])
            outcome.rejected.append(Rejected(number, first["type"], pointer, first["msg"]))
        except (ValueError, RecursionError):
            outcome.rejected.append(Rejected(number, "malformed_json", "", "Not a JSON object."))


def _without_repeats(lined: Lined, outcome: Outcome) -> Lined:
    seen: dict[UUID, int] = {}
    kept: Lined = []
    for number, record in lined:
        if record.id in seen:
            outcome.rejected.append(
                Rejected(number, "repeated_id", "/id", f"Line {seen[record.id]} has this id.")
            )
            continue
        seen[record.id] = number
        kept.append((number, record))
    return kept


async def _load_organizations(session: AsyncSession, lined: Lined, outcome: Outcome) -> None:
    known = await session.exec(
        select(Organization.id, Organization.source_digest).where(
            col(Organization.id).in_([record.id for _, record in lined])
        )
    )
    records = _changed(lined, dict(known.all()), outcome)
    rows = [
        {"id": record.id, **organization_columns(record), **provenance_columns(record)}
        for record in records
    ]
    await write_organizations(
        session, rows, (organization_parts(record.id, record) for record in records)
    )
    if records:
        await projection.refresh(session, organizations=[record.id for record in records])


async def _load_services(
    session: AsyncSession, lined: Lined, terms: Terms, outcome: Outcome
) -> None:
    lined = await _with_organization(session, lined, outcome)
    lined = [pair for pair in lined if _codes_known(*pair, terms, outcome)]
    lined = await _with_own_location(session, lined, outcome)
    for _, record in lined:
        place_in_communes(record.locations, terms)
    known = await session.exec(
        select(Service.id, Service.source_digest).where(
            col(Service.id).in_([record.id for _, record in lined])
        )
    )
    records = _changed(lined, dict(known.all()), outcome)
    rows = [
        {"id": record.id, **service_columns(record), **provenance_columns(record)}
        for record in records
    ]
    await write_services(session, rows, (service_parts(record.id, record) for record in records))
    await add_history(session, merged(history_rows(record) for record in records))
    await projection.refresh(session, services=[record.id for record in records])


def _changed(lined: Lined, known: dict[UUID, str | None], outcome: Outcome) -> list[Any]:
    records = []
    for _, record in lined:
        counts = outcome.created
        if record.id in known:
            same = known[record.id] == digest(record)
            counts = outcome.unchanged if same else outcome.changed
        counts[record.type] += 1
        if counts is not outcome.unchanged:
            records.append(record)
    return records


async def _with_organization(session: AsyncSession, lined: Lined, outcome: Outcome) -> Lined:
    wanted = {record.organization for _, record in lined}
    found = await session.exec(select(Organization.id).where(col(Organization.id).in_(wanted)))
    present = set(found.all())
    kept = []
    for number, record in lined:
        if record.organization in present:
            kept.append((number, record))
        else:
            outcome.rejected.append(
                Rejected(number, "unknown_organization", "/organization", "Load it first.")
            )
    return kept


async def _with_own_location(session: AsyncSession, lined: Lined, outcome: Outcome) -> Lined:
    held = {
        place.id: record.organization
        for _, record in lined
        for place in record.locations
        if place.id is not None
    }
    others = await locations_of_others(session, held)
    kept = []
    for number, record in lined:
        foreign = [
            position
            for position, place in enumerate(record.locations)
            if place.id is not None
            and (place.id in others or held[place.id] != record.organization)
        ]
        if foreign:
            outcome.rejected.append(
                Rejected(
                    number,
                    "location_of_another_organization",
                    f"/locations/{foreign[0]}/id",
                    "Give the place an id of its own.",
                )
            )
        else:
            kept.append((number, record))
    return kept


def _codes_known(number: int, record: ServiceRecord, terms: Terms, outcome: Outcome) -> bool:
    communes = [
        place.address.commune_nis
        for place in record.locations
        if place.address is not None and place.address.commune_nis is not None
    ]
    for what, known, codes in (
        ("need", terms.needs, record.needs),
        ("territory", terms.territories, record.action_zones),
        ("program", terms.programs, record.programs),
        ("territory", terms.territories, communes),
    ):
        for code in codes:
            if code not in known:
                near = ", ".join(nearest(code, known))
                detail = f"Did you mean {near}?" if near else f"No {what} has this code."
                outcome.rejected.append(Rejected(number, f"unknown_{what}", f"/{what}s", detail))
                return False
    return True
