from typing import Any
from uuid import UUID

from sqlalchemy import or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_referrals.access.gate import select_visible_pointers
from maillage_referrals.access.party import Party
from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.models import Pointer
from maillage_referrals.pointers.schemas import SearchRequest

_MAY_WRITE = text(
    "SELECT EXISTS (SELECT FROM consent c WHERE c.subject_id = :subject AND c.status = 'active'"
    " AND c.valid_from <= asking_at() AND c.valid_until > asking_at()"
    " AND (c.recorded_by_organization::text = asking('organization') OR favours(c))"
    " AND names(c, :category, CAST(:sensitive AS text[])))"
)


def select_readable(party: Party) -> SelectOfScalar[Pointer]:
    """Visible ones; a wrong entry only to the person and to the organization that wrote it."""
    query = select_visible_pointers()
    if party.is_person:
        return query
    return query.where(
        or_(
            col(Pointer.entered_in_error_at).is_(None),
            col(Pointer.organization) == party.organization,
        )
    )


async def find_readable_pointer(
    session: AsyncSession, party: Party, pointer_id: UUID
) -> Pointer | None:
    return (await session.exec(select_readable(party).where(Pointer.id == pointer_id))).first()


async def find_own_pointer(
    session: AsyncSession, organization: UUID, pointer_id: UUID
) -> Pointer | None:
    """For a change: locked, and written by the caller's organization."""
    query = (
        select_visible_pointers()
        .where(Pointer.id == pointer_id, Pointer.organization == organization)
        .with_for_update(of=Pointer)
    )
    return (await session.exec(query)).first()


def select_found(
    party: Party, subject_id: UUID, request: SearchRequest, *, before: UUID | None
) -> SelectOfScalar[Pointer]:
    """Newest first, one more than the page holds."""
    query = select_readable(party).where(Pointer.subject_id == subject_id)
    filters: list[tuple[Any, list[Any] | None]] = [
        (col(Pointer.category), request.categories),
        (col(Pointer.kind), request.kinds),
        (col(Pointer.status), request.statuses),
    ]
    for column, wanted in filters:
        if wanted is not None:
            query = query.where(column.in_(wanted))
    if not request.with_superseded:
        query = query.where(col(Pointer.superseded_at).is_(None))
    if before is not None:
        query = query.where(Pointer.id < before)
    return query.order_by(col(Pointer.id).desc()).limit(request.limit + 1)


async def find_subject_of_pointer(session: AsyncSession, pointer_id: UUID) -> UUID | None:
    """For the audit record alone: whose entry a caller asked for, allowed or not."""
    async with looking_past(session, LookPast.SUBJECT_OF_DENIAL):
        query = select(Pointer.subject_id).where(Pointer.id == pointer_id)
        return (await session.exec(query)).first()


async def has_consent_to_write(
    session: AsyncSession, subject_id: UUID, *, category: str, sensitive: list[str]
) -> bool:
    """An active consent, in any form, that the caller's organization recorded or is favoured by."""
    found = await (await session.connection()).execute(
        _MAY_WRITE, {"subject": subject_id, "category": category, "sensitive": sensitive}
    )
    return bool(found.scalar_one())


async def is_locator_taken(
    session: AsyncSession, organization: UUID, *, system: str, reference: str
) -> bool:
    """Among this organization's own entries only: another's would tell that it is there."""
    async with looking_past(session, LookPast.LOCATOR_CHECK):
        query = select(Pointer.id).where(
            Pointer.organization == organization,
            Pointer.locator_system == system,
            Pointer.locator_reference == reference,
            col(Pointer.superseded_at).is_(None),
            col(Pointer.entered_in_error_at).is_(None),
        )
        return (await session.exec(query)).first() is not None
