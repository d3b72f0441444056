"""Writing, correcting, finding and reading pointers. Every read goes through the gate."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail, Decision
from maillage_common.events import log
from maillage_common.jobs import defer
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.peers import PeerUnavailable
from maillage_common.preconditions import check_if_match
from maillage_referrals.access import scope
from maillage_referrals.access.gate import find_conditions
from maillage_referrals.access.party import Party
from maillage_referrals.access.service import denial, get_subject, name_subject
from maillage_referrals.clients import Directory
from maillage_referrals.errors import (
    ConsentMissing,
    LocatorTaken,
    PointerEnded,
    PurposeRequired,
)
from maillage_referrals.events import Event, Trail
from maillage_referrals.models import Pointer
from maillage_referrals.pointers.locator import check_locator
from maillage_referrals.pointers.queries import (
    find_own_pointer,
    find_readable_pointer,
    find_subject_of_pointer,
    has_consent_to_write,
    is_locator_taken,
    select_found,
)
from maillage_referrals.pointers.schemas import (
    LocatorPublic,
    PointerFields,
    PointerPublic,
    PointerRequest,
    SearchRequest,
)
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import SENSITIVE, Category, Purpose

CHECK_NEEDS = "check_pointer_needs"


async def write_pointer(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    directory: Directory,
    *,
    request: PointerRequest,
) -> PointerPublic:
    """Raises `ConsentMissing`, `LocatorTaken`, `LocatorRefused`, `UnknownService`."""
    _check_locator(settings, request)
    subject_id = await get_subject(session, party, handle=request.handle)
    pointer = await _new_pointer(session, party, directory, subject_id, request)
    await _refuse_taken_locator(session, pointer)
    return await _store(session, party, trail, pointer, Trail.POINTER_WRITTEN)


def _check_locator(settings: Settings, request: PointerFields) -> None:
    locator = request.locator
    check_locator(locator.system, locator.reference, locator.url, known=settings.locator_systems)


async def supersede_pointer(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    settings: Settings,
    directory: Directory,
    *,
    pointer_id: UUID,
    if_match: str | None,
    request: PointerFields,
) -> PointerPublic:
    """The new entry and the old one's tombstone, in one transaction."""
    _check_locator(settings, request)
    old = await _get_own_pointer(session, party, pointer_id, Trail.POINTER_SUPERSEDED)
    check_if_match(if_match, old.version)
    if old.superseded_at is not None or old.entered_in_error_at is not None:
        raise PointerEnded
    new = await _new_pointer(session, party, directory, old.subject_id, request)
    old.superseded_at, old.superseded_by_id = clock.now(), new.id
    old.version += 1
    session.add(old)
    await session.flush()
    await _refuse_taken_locator(session, new)
    return await _store(session, party, trail, new, Trail.POINTER_SUPERSEDED)


async def mark_pointer_wrong(
    session: AsyncSession, party: Party, trail: AuditTrail, *, pointer_id: UUID
) -> PointerPublic:
    """Unconditional and idempotent: nobody but its author and the person sees it any more."""
    pointer = await _get_own_pointer(session, party, pointer_id, Trail.POINTER_IN_ERROR)
    if pointer.entered_in_error_at is None:
        pointer.entered_in_error_at = clock.now()
        pointer.version += 1
        session.add(pointer)
        _record(trail, party, Trail.POINTER_IN_ERROR, pointer)
    return public_pointer(party, pointer)


async def read_pointer(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    *,
    pointer_id: UUID,
    purpose: Purpose | None,
) -> PointerPublic:
    """One entry, or the one answer to everything that may not be seen."""
    await scope.state_purpose(session, _stated(party, purpose))
    pointer = await find_readable_pointer(session, party, pointer_id)
    subject_id = await find_subject_of_pointer(session, pointer_id)
    if pointer is None:
        raise denial(
            party,
            Trail.POINTER_READ,
            entity="pointer",
            entity_id=pointer_id,
            subject_id=subject_id,
            purpose=purpose,
        )
    _record(trail, party, Trail.POINTER_READ, pointer, purpose=purpose)
    return public_pointer(party, pointer)


async def search_pointers(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    cursors: Cursors,
    *,
    request: SearchRequest,
) -> Page[PointerPublic]:
    """What the caller may see of one person; nothing is an empty page, whatever the reason."""
    await scope.state_purpose(session, _stated(party, request.purpose))
    query = request.model_dump(mode="json", exclude={"cursor", "limit"})
    before = UUID(cursors.decode(request.cursor, query=query)[0]) if request.cursor else None
    subject_id = await name_subject(session, party, handle=request.handle)
    rows = (await session.exec(select_found(party, subject_id, request, before=before))).all()
    await _record_search(session, party, trail, subject_id, request.purpose, found=len(rows))
    shown, next_cursor = cut_page(
        rows, request.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=[public_pointer(party, row) for row in shown], next_cursor=next_cursor)


def public_pointer(party: Party, pointer: Pointer) -> PointerPublic:
    is_ours = party.is_person or pointer.organization == party.organization
    return PointerPublic(
        handle=party.handle_of(pointer.subject_id),
        locator=LocatorPublic(
            system=pointer.locator_system,
            reference=pointer.locator_reference,
            url=pointer.locator_url,
        ),
        # The newer entry may be closed to this reader: its id would tell that it is there.
        superseded_by=pointer.superseded_by_id if is_ours else None,
        **pointer.model_dump(
            exclude={
                "subject_id",
                "sensitive_categories",
                "author",
                "needs_checked_at",
                "locator_system",
                "locator_reference",
                "locator_url",
                "superseded_by_id",
            }
        ),
    )


def _stated(party: Party, purpose: Purpose | None) -> Purpose | None:
    if purpose is None and not party.is_person:
        raise PurposeRequired(f"One of: {', '.join(Purpose)}.")
    return purpose


async def _record_search(
    session: AsyncSession,
    party: Party,
    trail: AuditTrail,
    subject_id: UUID,
    purpose: Purpose | None,
    *,
    found: int,
) -> None:
    """The same statements whether there is something, nothing, or nobody."""
    conditions = await find_conditions(session, subject_id)
    permitted = party.is_person or found > 0 or conditions.open
    name = party.keys.audit_name(subject_id)
    trail.record(
        Trail.POINTERS_SEARCHED,
        entity="subject",
        entity_id=name,
        subject=name,
        purpose=purpose,
        decision=Decision.PERMITTED if permitted else Decision.DENIED,
        changes=None if party.is_person else {"unmet": conditions.unmet()},
    )


async def _get_own_pointer(
    session: AsyncSession, party: Party, pointer_id: UUID, event: Trail
) -> Pointer:
    pointer = await find_own_pointer(session, party.own_organization(), pointer_id)
    subject_id = await find_subject_of_pointer(session, pointer_id)
    if pointer is None:
        raise denial(party, event, entity="pointer", entity_id=pointer_id, subject_id=subject_id)
    return pointer


async def _new_pointer(
    session: AsyncSession,
    party: Party,
    directory: Directory,
    subject_id: UUID,
    request: PointerFields,
) -> Pointer:
    known, checked_at = await _sensitivity(directory, request)
    if not await has_consent_to_write(
        session, subject_id, category=request.category, sensitive=sorted(known)
    ):
        raise ConsentMissing("Record the person's consent first; it names what is sensitive.")
    unknown = request.service_id is not None and checked_at is None
    return Pointer.model_validate(
        {
            **request.model_dump(exclude={"handle", "locator"}),
            "subject_id": subject_id,
            "sensitive_categories": sorted(SENSITIVE if unknown else known),
            "organization": party.own_organization(),
            "author": party.caller.subject,
            "author_function": party.own_function(),
            "needs_checked_at": checked_at,
            "locator_system": request.locator.system,
            "locator_reference": request.locator.reference,
            "locator_url": request.locator.url,
        }
    )


async def _sensitivity(
    directory: Directory, request: PointerFields
) -> tuple[frozenset[Category], datetime | None]:
    """What is known to be sensitive, and when the directory told the service's needs.

    Down, it does not stop the work: the entry is kept as sensitive in every way until a job asked.
    """
    own = frozenset({request.category}) & SENSITIVE
    if request.service_id is None:
        return own, None
    try:
        service = await directory.find_service(request.service_id)
    except PeerUnavailable:
        log(Event.POINTER_NEEDS_UNKNOWN)
        return own, None
    return own | service.sensitive_categories, clock.now()


async def _refuse_taken_locator(session: AsyncSession, pointer: Pointer) -> None:
    if await is_locator_taken(
        session,
        pointer.organization,
        system=pointer.locator_system,
        reference=pointer.locator_reference,
    ):
        raise LocatorTaken("Supersede the entry that has it.")


async def _store(
    session: AsyncSession, party: Party, trail: AuditTrail, pointer: Pointer, event: Trail
) -> PointerPublic:
    session.add(pointer)
    await session.flush()
    _record(trail, party, event, pointer)
    if pointer.service_id is not None and pointer.needs_checked_at is None:
        await defer(session, CHECK_NEEDS, pointer_id=str(pointer.id))
    return public_pointer(party, pointer)


def _record(
    trail: AuditTrail,
    party: Party,
    event: Trail,
    pointer: Pointer,
    *,
    purpose: Purpose | None = None,
) -> None:
    trail.record(
        event,
        entity="pointer",
        entity_id=pointer.id,
        subject=party.keys.audit_name(pointer.subject_id),
        purpose=purpose,
    )
