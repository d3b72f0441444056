"""Whose records a run may write, and which of them were deleted here."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.loading.outcome import Lined, Outcome, Rejected, Run
from maillage_directory.models import Service
from maillage_directory.projection import among, as_array
from maillage_directory.records.schemas import OrganizationRecord, ServiceRecord

# The rule of delegations: a curator edits the records of a territory.
_EDITABLE = text(
    "SELECT a.kind, a.record, a.owner"
    " FROM unnest(CAST(:kinds AS text[]), CAST(:records AS uuid[]), CAST(:owners AS uuid[]))"
    " AS a(kind, record, owner), unnest(CAST(:editors AS uuid[])) AS e(editor)"
    " WHERE may_edit(e.editor, a.kind, a.record, a.owner)"
)
Claim = tuple[str, UUID, UUID]


async def allowed(
    session: AsyncSession, by_kind: Mapping[type, Lined], run: Run, outcome: Outcome
) -> dict[type, Lined]:
    """Only what the run's organization may edit, its own or by delegation; nothing but
    organizations and services, which have an owner."""
    if run.only_for is None:
        return dict(by_kind)
    claims = await _claims(session, by_kind)
    editable = await _editable(session, run.only_for, set().union(*claims.values(), set()))
    kept: dict[type, Lined] = {kind: [] for kind in by_kind}
    for kind, lined in by_kind.items():
        for number, record in lined:
            asked = claims.get(getattr(record, "id", None))
            if asked and kind in (OrganizationRecord, ServiceRecord) and asked <= editable:
                kept[kind].append((number, record))
                continue
            pointer = "/organization" if kind is ServiceRecord else "/id"
            detail = "You may only change what belongs to your organization or territory."
            outcome.rejected.append(Rejected(number, "not_your_organization", pointer, detail))
    return kept


async def _claims(
    session: AsyncSession, by_kind: Mapping[type, Lined]
) -> dict[UUID | None, set[Claim]]:
    """What must be editable for each record: itself as it is, and its owner when that is new."""
    services = [record for _, record in by_kind[ServiceRecord]]
    held = await session.exec(
        select(Service.id, Service.organization_id).where(
            among(Service.id, (record.id for record in services))
        )
    )
    owners: dict[UUID, UUID] = dict(held.all())
    claims: dict[UUID | None, set[Claim]] = {
        record.id: {("organization", record.id, record.id)}
        for _, record in by_kind[OrganizationRecord]
    }
    for record in services:
        owner = owners.get(record.id)
        asked: set[Claim] = set() if owner is None else {("service", record.id, owner)}
        if owner != record.organization:
            asked.add(("organization", record.organization, record.organization))
        claims[record.id] = asked
    return claims


async def _editable(
    session: AsyncSession, editors: Iterable[UUID], asked: set[Claim]
) -> set[Claim]:
    own = {claim for claim in asked if claim[2] in set(editors)}
    others = list(asked - own)
    if not others:
        return own
    connection = await session.connection()
    found = await connection.execute(
        _EDITABLE,
        {
            "kinds": [kind for kind, _, _ in others],
            "records": [record for _, record, _ in others],
            "owners": [owner for _, _, owner in others],
            "editors": list(editors),
        },
    )
    return own | {(kind, record, owner) for kind, record, owner in found}


async def without_deleted(session: AsyncSession, lined: Lined, outcome: Outcome) -> Lined:
    """What was deleted, or merged into another, here: its source does not bring it back."""
    connection = await session.connection()
    found = await connection.execute(
        text("SELECT resource_id FROM tombstone WHERE resource_id = ANY (CAST(:ids AS uuid[]))"),
        {"ids": as_array(record.id for _, record in lined)},
    )
    deleted = set(found.scalars())
    bad = outcome.bad
    for number, record in lined:
        if record.id in deleted and number not in bad:
            outcome.unchanged[record.type] += 1
            detail = "This record was deleted or merged here; it is left so."
            outcome.noted.append(Rejected(number, "deleted_here", "/id", detail, (), "info"))
    return [(number, record) for number, record in lined if record.id not in deleted]
