"""Finding the subject a caller names, and showing a person who looked."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditEntry, AuditTrail, Decision, audit_entry
from maillage_common.errors import NotFound
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_referrals.access import scope
from maillage_referrals.access.party import CARD_CLIENT, Party
from maillage_referrals.access.queries import select_accesses
from maillage_referrals.access.schemas import AccessPublic
from maillage_referrals.events import Trail, words

_IS_THERE = text(
    "SELECT EXISTS (SELECT FROM subject s WHERE s.id = :subject) AND NOT is_excluded(:subject)"
)


async def name_subject(session: AsyncSession, party: Party, *, handle: str) -> UUID:
    """Whom the caller means, for reading: an unknown handle gives somebody who does not exist."""
    subject_id = party.subject_of(handle)
    await scope.name_subject(session, subject_id)
    return subject_id


async def get_subject(session: AsyncSession, party: Party, *, handle: str) -> UUID:
    """Whom the caller means, for writing. An unknown person and one who excludes the caller are
    both `NotFound`; the attempt is recorded.
    """
    subject_id = await name_subject(session, party, handle=handle)
    found = await (await session.connection()).execute(_IS_THERE, {"subject": subject_id})
    if not found.scalar_one():
        raise denial(party, Trail.SUBJECT_SOUGHT, entity="subject", subject_id=subject_id)
    return subject_id


def get_own_subject(party: Party, *, handle: str) -> UUID:
    """The person's own pseudonym, when `handle` is their own; else `NotFound`."""
    own = party.own_person()
    if party.subject_of(handle) != own:
        raise NotFound
    return own


def denial(
    party: Party,
    event: Trail,
    *,
    entity: str,
    subject_id: UUID | None,
    entity_id: UUID | str | None = None,
    purpose: str | None = None,
) -> NotFound:
    """The one answer to everything that may not be seen, with a record that outlives it."""
    name = party.keys.audit_name(subject_id) if subject_id else None
    record = audit_entry(
        party.caller,
        event,
        entity=entity,
        entity_id=entity_id or name or "",
        subject=name,
        purpose=purpose,
        decision=Decision.DENIED,
    )
    return NotFound(audit=[record])


async def list_accesses(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    *,
    handle: str,
    limit: int,
    cursor: str | None,
    cursors: Cursors,
    language: str,
) -> Page[AccessPublic]:
    """Who looked and who was denied, newest first; reading it is recorded too."""
    subject_id = get_own_subject(party, handle=handle)
    name = party.keys.audit_name(subject_id)
    query = {"accesses": name}
    before = UUID(cursors.decode(cursor, query=query)[0]) if cursor else None
    rows = (await session.exec(select_accesses(name, before=before, limit=limit + 1))).all()
    trail.record(Trail.ACCESS_LOG_READ, entity="subject", entity_id=name, subject=name)
    shown, next_cursor = cut_page(
        rows, limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=[_access(row, party, language) for row in shown], next_cursor=next_cursor)


def _access(row: AuditEntry, party: Party, language: str) -> AccessPublic:
    # The entity of a record about the person is their audit name, which is nobody else's business.
    entity_id = "" if row.entity == "subject" else row.entity_id
    return AccessPublic(
        id=row.id,
        at=row.at,
        event=row.event,
        words=words(row.event, language),
        decision=row.decision,
        who=_who(row),
        organization=row.actor_organization,
        function=row.actor_function,
        application=row.acting or row.actor_client_id,
        purpose=row.purpose,
        entity=row.entity,
        entity_id=entity_id,
        unmet=(row.changes or {}).get("unmet", []),
    )


def _who(row: AuditEntry) -> str:
    if row.system_reason is not None:
        return "system"
    if row.actor_client_id == CARD_CLIENT or row.event == Trail.CARD_SESSION_OPENED:
        return "you"
    return row.actor_subject or ""
