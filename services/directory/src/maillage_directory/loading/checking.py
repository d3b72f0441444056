"""What a record must fit besides its own shape: codes, owners, places, the rest of its file."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.errors import FieldError
from maillage_directory.loading.outcome import Lined, Outcome, Rejected, Run
from maillage_directory.models import Organization
from maillage_directory.projection import among
from maillage_directory.records.codes import codes_in
from maillage_directory.records.parents import PARENT_CYCLE, is_part_of, parents_above
from maillage_directory.records.rows import CLOCK_SKEW
from maillage_directory.records.writing import locations_of_others, postcode_faults
from maillage_directory.vocabulary import Terms, unknown_code


def without_repeats(lined: Lined, run: Run, outcome: Outcome) -> Lined:
    kept: Lined = []
    for number, record in lined:
        if record.id in run.lines:
            detail = f"Line {run.lines[record.id]} has this id."
            outcome.rejected.append(Rejected(number, "repeated_id", "/id", detail))
            continue
        run.lines[record.id] = number
        kept.append((number, record))
    return kept


def count_changes(
    lined: Lined,
    known: Mapping[UUID, str | None],
    digests: Mapping[UUID, str],
    outcome: Outcome,
) -> list[Any]:
    """The records that are new or say something new, all counted. `known`: the digests here."""
    records = []
    for _, record in lined:
        counts = outcome.created
        if record.id in known:
            same = known[record.id] == digests[record.id]
            counts = outcome.unchanged if same else outcome.changed
        counts[record.type] += 1
        if counts is not outcome.unchanged:
            records.append(record)
    return records


def tell_foresight(lined: Lined, outcome: Outcome) -> None:
    """A check or an observation yet to come would stand before every real one."""
    now = clock.now()
    for number, record in lined:
        told = []
        if record.verified_at is not None and record.verified_at > now:
            told.append(("/verified_at", "A check lies in the past"))
        if record.capacity is not None and record.capacity.observed_at > now + CLOCK_SKEW:
            told.append(("/capacity/observed_at", "An observation lies in the past"))
        outcome.rejected += [Rejected(number, "in_the_future", *fault) for fault in told]


async def tell_cycles(session: AsyncSession, lined: Lined, run: Run, outcome: Outcome) -> None:
    """Of organizations that are parts of each other one stays out, which undoes the circle."""
    run.told_parents |= {record.id: record.parent for _, record in lined}
    named = {record.parent for _, record in lined if record.parent is not None}
    if not named:
        return
    parents = {**await parents_above(session, named), **run.told_parents}
    for number, record in lined:
        if is_part_of(record.parent, record.id, parents):
            outcome.rejected.append(Rejected(number, PARENT_CYCLE[0], "/parent", PARENT_CYCLE[1]))
            parents[record.id] = run.told_parents[record.id] = None


async def with_organization(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> Lined:
    wanted = {record.organization for _, record in lined} - run.organizations
    found = await session.exec(select(Organization.id).where(among(Organization.id, wanted)))
    present = run.organizations | set(found.all())
    kept = []
    for number, record in lined:
        if record.organization in present:
            kept.append((number, record))
        else:
            outcome.rejected.append(
                Rejected(number, "unknown_organization", "/organization", "Load it first.")
            )
    return kept


async def with_own_location(
    session: AsyncSession, lined: Lined, run: Run, outcome: Outcome
) -> Lined:
    held: dict[UUID, UUID] = {}
    for _, record in lined:
        for place in record.locations:
            if place.id is not None:
                held[place.id] = run.places.setdefault(place.id, record.organization)
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


def tell_addresses(lined: Lined, terms: Terms, outcome: Outcome) -> None:
    for number, record in lined:
        outcome.rejected += _rejected(number, postcode_faults(record.locations, terms))


def code_faults(number: int, raw: Mapping[str, Any], terms: Terms) -> list[Rejected]:
    """The codes of a record, good or bad otherwise, that name nothing, each with what is near."""
    unknown = (one for one in codes_in(raw) if not terms.holds(one[0], one[2]))
    return _rejected(number, (unknown_code(what, terms, *place) for what, *place in unknown))


def _rejected(number: int, faults: Iterable[FieldError]) -> list[Rejected]:
    return [
        Rejected(number, fault.code, fault.pointer or "", fault.detail, tuple(fault.suggestions))
        for fault in faults
    ]


def without_faults(lined: Lined, outcome: Outcome) -> Lined:
    """Those of which nothing was said to be wrong, now that all was looked at."""
    bad = outcome.bad
    return [(number, record) for number, record in lined if number not in bad]
