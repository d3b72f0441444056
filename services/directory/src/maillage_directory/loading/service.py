"""Loads records: checks each line, keeps the good ones, reports the others.

The one way in for everything that comes in numbers: the packaged reference data, `load`, imports.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory import projection
from maillage_directory.loading.checking import (
    changed_ones,
    codes_known,
    with_organization,
    with_own_location,
    without_repeats,
)
from maillage_directory.loading.context import load_coverage, load_observations
from maillage_directory.loading.identifying import identify
from maillage_directory.loading.life import load_life
from maillage_directory.loading.outcome import Lined, Outcome, Raw, Rejected, Run
from maillage_directory.loading.owning import allowed, without_deleted
from maillage_directory.models import Organization, Service
from maillage_directory.records.life import LIFE, LifeRecord
from maillage_directory.records.rows import (
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
    merged,
    place_in_communes,
    write_organizations,
    write_services,
)
from maillage_directory.vocabulary import load_terms

MAX_LINE_BYTES = 1 << 20
_RECORD: TypeAdapter[Any] = TypeAdapter(Annotated[Record | LifeRecord, Field(discriminator="type")])

# Freshly filled tables have no statistics: the planner takes them for small and would read them
# whole for each record, which makes a large file quadratic.
_PLAN_BY_INDEX = text("SET LOCAL enable_seqscan = off")


async def load_records(session: AsyncSession, lines: Iterable[bytes]) -> Outcome:
    """Write every good record of `lines` (NDJSON) and say what was wrong with the others."""
    run = Run(terms=await load_terms(session))
    outcome = await load_batch(session, run, list(read_lines(lines)))
    outcome.add(await settle(session, run))
    outcome.rejected.sort(key=lambda rejected: rejected.line)
    return outcome


def read_lines(lines: Iterable[bytes]) -> Iterator[Raw]:
    """NDJSON: one record a line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            yield number, Rejected(number, "line_too_long", "", "A line holds 1 MiB.")
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield number, record
        else:
            yield number, Rejected(number, "malformed_json", "", "Not a JSON object.")


async def load_batch(session: AsyncSession, run: Run, raws: Sequence[Raw]) -> Outcome:
    """Check these lines and, unless the run is dry, write the good ones.

    Records are upserted. One whose source says the same as last time is left alone, so that
    corrections made here since then stay.
    """
    outcome = Outcome()
    if not run.is_dry:
        await (await session.connection()).execute(_PLAN_BY_INDEX)
    by_kind: dict[type, Lined] = {
        kind: []
        for kind in (OrganizationRecord, ServiceRecord, ObservationRecord, CoverageRecord, *LIFE)
    }
    for number, raw in await identify(session, run, raws, outcome):
        record = _parsed(number, raw, outcome)
        if record is not None:
            by_kind[type(record)].append((number, record))
    for kind in (OrganizationRecord, ServiceRecord):
        by_kind[kind] = without_repeats(by_kind[kind], run, outcome)
        by_kind[kind] = await without_deleted(session, by_kind[kind], outcome)
    by_kind = await allowed(session, by_kind, run, outcome)
    await _load_organizations(session, by_kind[OrganizationRecord], run, outcome)
    await _load_services(session, by_kind[ServiceRecord], run, outcome)
    await load_coverage(session, by_kind[CoverageRecord], run, outcome)
    await load_observations(session, by_kind[ObservationRecord], run, outcome)
    await load_life(session, by_kind, run, outcome)
    return outcome


def _parsed(number: int, raw: dict[str, Any], outcome: Outcome) -> Any:
    try:
        return _RECORD.validate_python(raw)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            # The discriminator's tag is part of `loc` but not of the record.
            pointer = "".join(f"/{part}" for part in fault["loc"][1:])
            outcome.rejected.append(Rejected(number, fault["type"], pointer, fault["msg"]))
    return None


async def _load_organizations(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> None:
    lined = [pair for pair in lined if codes_known(*pair, run.terms, outcome)]
    known = await session.exec(
        select(Organization.id, Organization.source_digest).where(
            col(Organization.id).in_([record.id for _, record in lined])
        )
    )
    records = changed_ones(lined, dict(known.all()), outcome)
    run.organizations |= {record.id for _, record in lined}
    await _set_parents_aside(session, lined, run)
    if run.is_dry or not records:
        return
    rows = [
        {
            "id": record.id,
            **organization_columns(record),
            **provenance_columns(record),
            **({"parent_id": None} if record.id in run.parents else {}),
        }
        for record in records
    ]
    await write_organizations(
        session, rows, (organization_parts(record.id, record) for record in records)
    )
    await projection.refresh(session, organizations=[record.id for record in records])


async def _set_parents_aside(session: AsyncSession, lined: Lined, run: Run) -> None:
    """A parent may come later in the file: its child is written without, and gets it at the end."""
    named = {record.parent for _, record in lined if record.parent is not None}
    if not named:
        return
    batch = {record.id for _, record in lined}
    found = await session.exec(select(Organization.id).where(col(Organization.id).in_(named)))
    missing = named - batch - set(found.all())
    for number, record in lined:
        if record.parent in missing:
            run.parents[record.id] = (number, record.parent)


async def settle(session: AsyncSession, run: Run) -> Outcome:
    """After the last batch: parents that came later, and warnings of those that never did."""
    outcome = Outcome()
    if not run.parents:
        return outcome
    wanted = {parent for _, parent in run.parents.values()}
    found = await session.exec(select(Organization.id).where(col(Organization.id).in_(wanted)))
    present = set(found.all()) | (run.organizations if run.is_dry else set())
    settled = {child: p for child, (_, p) in run.parents.items() if p in present}
    for child, (number, _) in run.parents.items():
        if child not in settled:
            detail = "No such organization; it is kept without its parent."
            outcome.noted.append(
                Rejected(number, "unknown_organization", "/parent", detail, severity="warning")
            )
    if not run.is_dry:
        await _give_parents(session, run, settled)
    return outcome


async def _give_parents(session: AsyncSession, run: Run, settled: dict[UUID, UUID]) -> None:
    connection = await session.connection()
    await connection.execute(
        text(
            "UPDATE organization o SET parent_id = g.parent FROM"
            " unnest(CAST(:children AS uuid[]), CAST(:parents AS uuid[])) AS g(child, parent)"
            " WHERE o.id = g.child"
        ),
        {"children": list(settled), "parents": list(settled.values())},
    )
    # Without its digest, the record is taken anew when its file comes again with the parent.
    await connection.execute(
        text("UPDATE organization SET source_digest = NULL WHERE id = ANY (CAST(:ids AS uuid[]))"),
        {"ids": [child for child in run.parents if child not in settled]},
    )
    if settled:
        await projection.refresh(session, organizations=list(settled))


async def _load_services(session: AsyncSession, lined: Lined, run: Run, outcome: Outcome) -> None:
    lined = await with_organization(session, lined, run, outcome)
    lined = [pair for pair in lined if codes_known(*pair, run.terms, outcome)]
    lined = await with_own_location(session, lined, run, outcome)
    for _, record in lined:
        place_in_communes(record.locations, run.terms)
    known = await session.exec(
        select(Service.id, Service.source_digest).where(
            col(Service.id).in_([record.id for _, record in lined])
        )
    )
    records = changed_ones(lined, dict(known.all()), outcome)
    if run.is_dry or not records:
        return
    rows = [
        {"id": record.id, **service_columns(record), **provenance_columns(record)}
        for record in records
    ]
    await write_services(session, rows, (service_parts(record.id, record) for record in records))
    await add_history(session, merged(history_rows(record) for record in records))
    await projection.refresh(session, services=[record.id for record in records])
