"""What a record must fit besides its own shape: codes, owners, places, the rest of its file."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.codes import nearest
from maillage_directory.loading.outcome import Lined, Outcome, Rejected, Run
from maillage_directory.models import Organization
from maillage_directory.projection import among
from maillage_directory.records.life import (
    LIFE,
    CollectionRecord,
    DiagnosticRecord,
    EventRecord,
)
from maillage_directory.records.rows import CLOCK_SKEW
from maillage_directory.records.schemas import (
    CoverageRecord,
    ObservationRecord,
    OrganizationRecord,
    ServiceRecord,
)
from maillage_directory.records.writing import locations_of_others
from maillage_directory.vocabulary import Terms


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


def without_foresight(lined: Lined, outcome: Outcome) -> Lined:
    """A check or an observation yet to come would stand before every real one."""
    now = clock.now()
    kept: Lined = []
    for number, record in lined:
        told = []
        if record.verified_at is not None and record.verified_at > now:
            told.append(("/verified_at", "A check lies in the past"))
        if record.capacity is not None and record.capacity.observed_at > now + CLOCK_SKEW:
            told.append(("/capacity/observed_at", "An observation lies in the past"))
        outcome.rejected += [Rejected(number, "in_the_future", *fault) for fault in told]
        if not told:
            kept.append((number, record))
    return kept


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


def codes_known(number: int, record: Any, terms: Terms, outcome: Outcome) -> bool:
    """Every code of the record names something; each that does not is told, with what is near."""
    found = [fault for fault in _codes(record) if fault[2] not in _known(fault[1], terms)]
    for pointer, what, code in found:
        near = tuple(nearest(code, _known(what, terms)))
        detail = f"Did you mean {', '.join(near)}?" if near else f"No {what} has this code."
        outcome.rejected.append(Rejected(number, f"unknown_{what}", pointer, detail, near))
    return not found


def _known(what: str, terms: Terms) -> Mapping[str, Any]:
    if what == "network":
        return {**terms.territories, **terms.programs}
    return {"need": terms.needs, "program": terms.programs}.get(what, terms.territories)


def _codes(record: Any) -> Iterable[tuple[str, str, str]]:
    """(JSON pointer, what it names, the code)."""
    if isinstance(record, OrganizationRecord | ServiceRecord) and record.network is not None:
        yield "/network", "network", record.network
    if isinstance(record, ServiceRecord):
        for member, what in (
            ("needs", "need"),
            ("action_zones", "territory"),
            ("programs", "program"),
        ):
            for position, code in enumerate(getattr(record, member)):
                yield f"/{member}/{position}", what, code
        for position, place in enumerate(record.locations):
            if place.address is not None and place.address.commune_nis is not None:
                pointer = f"/locations/{position}/address/commune_nis"
                yield pointer, "territory", place.address.commune_nis
    if isinstance(record, EventRecord | DiagnosticRecord | CollectionRecord) and record.network:
        yield "/network", "network", record.network
    for member in ("needs", "themes") if isinstance(record, LIFE) else ():
        for position, code in enumerate(getattr(record, member, ())):
            yield f"/{member}/{position}", "need", code
    if isinstance(record, CoverageRecord | ObservationRecord | EventRecord | DiagnosticRecord):
        for member in ("need", "territory", "program"):
            code = getattr(record, member, None)
            if code is not None:
                yield f"/{member}", member, code
