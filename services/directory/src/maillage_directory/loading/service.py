"""Loads records: checks each line, keeps the good ones, reports the others.

The one way in for everything that comes in numbers: the packaged reference data, `load`, imports.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.canonical import DuplicateName, unique_members
from maillage_directory import projection
from maillage_directory.loading.batch import check_batch, write_batch
from maillage_directory.loading.outcome import Outcome, Raw, Rejected, Run
from maillage_directory.models import Organization
from maillage_directory.vocabulary import load_terms

MAX_LINE_BYTES = 1 << 20


async def load_records(session: AsyncSession, lines: Iterable[bytes]) -> Outcome:
    """Write every good record of `lines` (NDJSON) and say what was wrong with the others."""
    run = Run(terms=await load_terms(session))
    batch = await check_batch(session, run, list(read_lines(lines)))
    outcome = await write_batch(session, run, batch)
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
        yield number, read_object(number, line)


def read_object(number: int, line: bytes) -> dict[str, Any] | Rejected:
    """The JSON object that a line is, or why it is none."""
    # What some editors put before the first one.
    line = line.removeprefix(BOM_UTF8)
    try:
        value = orjson.loads(line)
        # Read once more: orjson, which alone is strict otherwise, takes the last of two members.
        json.loads(line, object_pairs_hook=unique_members)
    except DuplicateName:
        return Rejected(number, "duplicate_member", "", "An object has two members of one name.")
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    return Rejected(number, "malformed_json", "", "Not a JSON object.")


async def settle(session: AsyncSession, run: Run) -> Outcome:
    """After the last batch: parents that came later, and warnings of those that never did."""
    outcome = Outcome()
    if not run.parents:
        return outcome
    wanted = {parent for _, parent in run.parents.values()}
    found = await session.exec(
        select(Organization.id).where(projection.among(Organization.id, wanted))
    )
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
