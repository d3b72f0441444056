"""Loads what surrounds services: who covers which territory, and what workers observed."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.dates import today
from maillage_directory.loading.checking import with_organization, without_faults
from maillage_directory.loading.outcome import Lined, Outcome, Run
from maillage_directory.models import Observation, ProgramCoverage
from maillage_directory.projection import among
from maillage_directory.records.schemas import CoverageRecord, ObservationRecord
from maillage_directory.records.writing import table_of

_COVERAGE = uuid5(NAMESPACE_URL, "https://maillage.brussels/directory/coverage")


async def load_coverage(session: AsyncSession, lined: Lined, run: Run, outcome: Outcome) -> None:
    lined = without_faults(await with_organization(session, lined, run, outcome), outcome)
    rows = {row["id"]: row for row in (_coverage_row(record) for _, record in lined)}
    await upsert(session, table_of(ProgramCoverage), list(rows.values()), "coverage", run, outcome)


async def load_observations(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> None:
    rows = {record.id: _observation_row(record) for _, record in without_faults(lined, outcome)}
    await upsert(session, table_of(Observation), list(rows.values()), "observation", run, outcome)


def _coverage_row(record: CoverageRecord) -> dict[str, Any]:
    key = " ".join(
        str(part)
        for part in (
            record.program,
            record.organization,
            record.territory,
            record.role,
            record.valid_from,
        )
    )
    return {
        "id": uuid5(_COVERAGE, key),
        "program_code": record.program,
        "organization_id": record.organization,
        "territory_code": record.territory,
        "role": record.role,
        "valid_from": record.valid_from,
        "valid_to": record.valid_to,
        "source": record.source,
    }


def _observation_row(record: ObservationRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "obstacle": record.obstacle,
        "need_code": record.need,
        "territory_code": record.territory,
        "program_code": record.program,
        "happened": record.count,
        "note": record.note,
        "recommendation": record.recommendation,
        "state": record.state,
        "observed_on": record.observed_on or record.source_date or today(),
        "source": record.source,
        "external_id": record.external_id,
        "visibility": record.visibility,
    }


async def upsert(
    session: AsyncSession,
    table: Table,
    rows: list[dict[str, Any]],
    kind: str,
    run: Run,
    outcome: Outcome,
) -> None:
    """Write rows by id and count what they were to the table; a dry run only counts."""
    if not rows:
        return
    connection = await session.connection()
    found = await connection.execute(
        table.select().where(among(table.c.id, (row["id"] for row in rows)))
    )
    present = {row["id"]: row for row in found.mappings()}
    for row in rows:
        before = present.get(row["id"])
        counts = outcome.created
        if before is not None:
            same = all(before[name] == value for name, value in row.items())
            counts = outcome.unchanged if same else outcome.changed
        counts[kind] += 1
    if run.is_dry:
        return
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=changes), rows
    )
