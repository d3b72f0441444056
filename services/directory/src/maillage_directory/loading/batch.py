"""Some lines of a file: what is wrong with them, and what writes the good ones.

Checking only reads, and makes the rows; so the next lines can be checked while these are written.
"""

import asyncio
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.errors import fault_suggestions
from maillage_directory import projection
from maillage_directory.loading.checking import (
    code_faults,
    count_changes,
    tell_addresses,
    tell_cycles,
    tell_foresight,
    with_organization,
    with_own_location,
    without_faults,
    without_repeats,
)
from maillage_directory.loading.context import load_coverage, load_observations
from maillage_directory.loading.identifying import identify
from maillage_directory.loading.life import load_life
from maillage_directory.loading.outcome import Lined, Outcome, Raw, Rejected, Run
from maillage_directory.loading.owning import allowed, without_deleted
from maillage_directory.loading.standing import with_standing
from maillage_directory.models import Organization, Service
from maillage_directory.records.life import LIFE, LifeRecord
from maillage_directory.records.rows import (
    Rows,
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
    Statement,
    merged,
    organization_statements,
    perform,
    place_in_communes,
    service_statements,
)
from maillage_directory.vocabulary import Terms

_RECORDS = (OrganizationRecord, ServiceRecord, ObservationRecord, CoverageRecord, *LIFE)
_KINDS = ", ".join(get_args(record.model_fields["type"].annotation)[0] for record in _RECORDS)
# A line of no kind, of which pydantic would tell in words of its own.
_NO_KIND = frozenset({"union_tag_invalid", "union_tag_not_found"})
_RECORD: TypeAdapter[Any] = TypeAdapter(Annotated[Record | LifeRecord, Field(discriminator="type")])

# Freshly filled tables have no statistics: the planner takes them for small and would read them
# whole for each record, which makes a large file quadratic.
_PLAN_BY_INDEX = text("SET LOCAL enable_seqscan = off")


@dataclass
class Batch:
    """Lines that were checked. `outcome` counts organizations and services as if written;
    `by_kind` holds the records of every kind, of which these two are already in `statements`."""

    outcome: Outcome
    by_kind: dict[type, Lined]
    statements: list[Statement] = field(default_factory=list)
    organizations: list[UUID] = field(default_factory=list)
    services: list[UUID] = field(default_factory=list)


async def check_batch(session: AsyncSession, run: Run, raws: Sequence[Raw]) -> Batch:
    """Records whose source says the same as last time are left alone, so that corrections made
    here since then stay, and so are those that say what is here; the others replace it."""
    await (await session.connection()).execute(_PLAN_BY_INDEX)
    outcome = Outcome()
    named = await identify(session, run, raws, outcome)
    # In a thread, so that the worker's heartbeat and the statements of the batch before go on.
    by_kind = await asyncio.to_thread(_parsed, named, run.terms, outcome)
    for kind in (OrganizationRecord, ServiceRecord):
        by_kind[kind] = without_repeats(by_kind[kind], run, outcome)
        by_kind[kind] = await without_deleted(session, by_kind[kind], outcome)
    tell_foresight(by_kind[ServiceRecord], outcome)
    tell_addresses(by_kind[ServiceRecord], run.terms, outcome)
    batch = Batch(outcome, await allowed(session, by_kind, run, outcome))
    await _check_organizations(session, batch, run)
    await _check_services(session, batch, run)
    return batch


async def write_batch(session: AsyncSession, run: Run, batch: Batch) -> Outcome:
    """Write what was checked; what lives around services is checked here, after these."""
    if not run.is_dry:
        await (await session.connection()).execute(_PLAN_BY_INDEX)
        await perform(session, batch.statements)
        if batch.statements:
            await projection.refresh(
                session, services=batch.services, organizations=batch.organizations
            )
    await load_coverage(session, batch.by_kind[CoverageRecord], run, batch.outcome)
    await load_observations(session, batch.by_kind[ObservationRecord], run, batch.outcome)
    await load_life(session, batch.by_kind, run, batch.outcome)
    return batch.outcome


@contextmanager
def _without_collector() -> Iterator[None]:
    """Records hold no cycles, and so many at once make Python look for some again and again,
    through all that the process holds: half of the time that checking takes."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _parsed(
    named: Sequence[tuple[int, dict[str, Any]]], terms: Terms, outcome: Outcome
) -> dict[type, Lined]:
    """The records of good form. One with unknown codes is among them, so that the rest of what is
    wrong with it is told too."""
    by_kind: dict[type, Lined] = {kind: [] for kind in _RECORDS}
    with _without_collector():
        for number, raw in named:
            codes = code_faults(number, raw, terms)
            try:
                record = _RECORD.validate_python(raw)
            except ValidationError as error:
                outcome.rejected += _faults(number, error, codes)
            else:
                outcome.rejected += codes
                by_kind[type(record)].append((number, record))
    return by_kind


def _faults(number: int, error: ValidationError, codes: Sequence[Rejected]) -> Iterator[Rejected]:
    """What is wrong with the form, and the unknown codes: each place is told once, a code that is
    also no code by what it resembles."""
    unknown = {fault.field for fault in codes}
    refused = set()
    for fault in error.errors(include_input=False, include_url=False):
        if fault["type"] in _NO_KIND:
            yield Rejected(number, fault["type"], "/type", f"The `type` is one of {_KINDS}.")
            continue
        # The discriminator's tag is part of `loc` but not of the record.
        pointer = "".join(f"/{part}" for part in fault["loc"][1:])
        refused.add(pointer)
        if pointer not in unknown:
            yield Rejected(number, fault["type"], pointer, fault["msg"], fault_suggestions(fault))
    for one in codes:
        if f"/{one.field.split('/')[1]}" not in refused:
            yield one


async def _check_organizations(session: AsyncSession, batch: Batch, run: Run) -> None:
    lined = batch.by_kind[OrganizationRecord]
    await tell_cycles(session, lined, run, batch.outcome)
    lined = without_faults(lined, batch.outcome)
    known = await session.exec(
        select(Organization.id, Organization.source_digest).where(
            projection.among(Organization.id, (record.id for _, record in lined))
        )
    )
    run.organizations |= {record.id for _, record in lined}
    await _set_parents_aside(session, lined, run)
    digests = await asyncio.to_thread(_digests, lined)
    standing = await with_standing(session, lined, dict(known.all()), digests)
    await asyncio.to_thread(_prepare_organizations, batch, lined, standing, digests, run)


def _digests(lined: Lined) -> dict[UUID, str]:
    with _without_collector():
        return {record.id: digest(record) for _, record in lined}


def _prepare_organizations(
    batch: Batch,
    lined: Lined,
    known: Mapping[UUID, str | None],
    digests: Mapping[UUID, str],
    run: Run,
) -> None:
    with _without_collector():
        records = count_changes(lined, known, digests, batch.outcome)
        if run.is_dry:
            return
        rows = [
            {
                "id": record.id,
                **organization_columns(record),
                **provenance_columns(record, digests[record.id]),
                **({"parent_id": None} if record.id in run.parents else {}),
            }
            for record in records
        ]
        batch.organizations = [record.id for record in records]
        batch.statements += organization_statements(
            rows,
            (organization_parts(record.id, record) for record in records),
            replaced=known.keys() & set(batch.organizations),
        )


async def _set_parents_aside(session: AsyncSession, lined: Lined, run: Run) -> None:
    """A parent may come later in the file: its child is written without, and gets it at the end."""
    named = {record.parent for _, record in lined if record.parent is not None}
    if not named:
        return
    batch = {record.id for _, record in lined}
    found = await session.exec(
        select(Organization.id).where(projection.among(Organization.id, named))
    )
    missing = named - batch - set(found.all())
    for number, record in lined:
        if record.parent in missing:
            run.parents[record.id] = (number, record.parent)


async def _check_services(session: AsyncSession, batch: Batch, run: Run) -> None:
    outcome = batch.outcome
    lined = await with_organization(session, batch.by_kind[ServiceRecord], run, outcome)
    lined = without_faults(lined, outcome)
    lined = await with_own_location(session, lined, run, outcome)
    known = await session.exec(
        select(Service.id, Service.source_digest).where(
            projection.among(Service.id, (record.id for _, record in lined))
        )
    )
    for _, record in lined:
        place_in_communes(record.locations, run.terms)
    digests = await asyncio.to_thread(_digests, lined)
    standing = await with_standing(session, lined, dict(known.all()), digests)
    await asyncio.to_thread(_prepare_services, batch, lined, standing, digests, run)


def _prepare_services(
    batch: Batch,
    lined: Lined,
    known: Mapping[UUID, str | None],
    digests: Mapping[UUID, str],
    run: Run,
) -> None:
    with _without_collector():
        records = count_changes(lined, known, digests, batch.outcome)
        if run.is_dry:
            return
        rows = [
            {
                "id": record.id,
                **service_columns(record),
                **provenance_columns(record, digests[record.id]),
            }
            for record in records
        ]
        batch.services = [record.id for record in records]
        batch.statements += service_statements(
            rows,
            (_parts_and_history(record) for record in records),
            replaced=known.keys() & set(batch.services),
        )


def _parts_and_history(record: ServiceRecord) -> Rows:
    return merged((service_parts(record.id, record), history_rows(record)))
