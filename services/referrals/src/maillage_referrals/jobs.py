"""Clocks and later checks. Every job is idempotent and takes ids alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from sqlmodel import select

from maillage_common import clock
from maillage_common.audit import AuditTrail, SystemReason
from maillage_common.code_copies import KnownCodes
from maillage_common.events import log
from maillage_common.jobs import JobQueue
from maillage_common.peers import PeerUnavailable
from maillage_common.webhooks import register_delivery
from maillage_referrals.access.scope import enter
from maillage_referrals.care_links.queries import select_run_out as select_care_links_run_out
from maillage_referrals.clients import Directory, HttpDirectory
from maillage_referrals.consents.queries import select_run_out as select_consents_run_out
from maillage_referrals.errors import UnknownNeed, UnknownService
from maillage_referrals.events import Event, Trail
from maillage_referrals.keys import Keys
from maillage_referrals.models import Pointer
from maillage_referrals.pointers.service import CHECK_NEEDS
from maillage_referrals.referrals.moves import end_referrals, move, resting_on
from maillage_referrals.referrals.queries import select_overdue
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import (
    SENSITIVE,
    ConsentStatus,
    LinkEnd,
    ReferralStatus,
    Role,
)

# Rows one run takes at most: a run after a long stop must not hold locks for minutes.
BATCH = 500

queue = JobQueue("referrals")
register_delivery(queue)


def settings() -> Settings:
    present = queue.settings
    assert isinstance(present, Settings)
    return present


@queue.periodic("expire_consents", cron="*/5 * * * *")
async def expire_consents() -> None:
    """Write down what the gate knows already: these consents open nothing since `valid_until`."""
    keys, at = Keys(settings().secret), clock.now()
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        await enter(session)
        trail = AuditTrail(session, SystemReason.CLOCK)
        consents = (await session.exec(select_consents_run_out(at, limit=BATCH))).all()
        for consent in consents:
            consent.status, consent.expired_at = ConsentStatus.EXPIRED, at
            consent.version += 1
            session.add(consent)
            trail.record(
                Trail.CONSENT_EXPIRED,
                entity="consent",
                entity_id=consent.id,
                subject=keys.audit_name(consent.subject_id),
            )
            await end_referrals(
                session,
                trail,
                keys,
                settings(),
                condition=resting_on(consent.id),
                to=ReferralStatus.EXPIRED,
                by=Role.CLOCK,
            )
    log(Event.CONSENTS_EXPIRED, count=len(consents))


@queue.periodic("expire_care_links", cron="*/5 * * * *")
async def expire_care_links() -> None:
    keys, at = Keys(settings().secret), clock.now()
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        trail = AuditTrail(session, SystemReason.CLOCK)
        links = (await session.exec(select_care_links_run_out(at, limit=BATCH))).all()
        for link in links:
            link.ended_at, link.ended_by = at, LinkEnd.CLOCK
            session.add(link)
            trail.record(
                Trail.CARE_LINK_ENDED,
                entity="care_link",
                entity_id=link.id,
                subject=keys.audit_name(link.subject_id),
            )
    log(Event.CARE_LINKS_EXPIRED, count=len(links))


@queue.periodic("expire_referrals", cron="*/5 * * * *")
async def expire_referrals() -> None:
    keys, at = Keys(settings().secret), clock.now()
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        trail = AuditTrail(session, SystemReason.CLOCK)
        referrals = (await session.exec(select_overdue(at, limit=BATCH))).all()
        for referral in referrals:
            await move(
                session,
                trail,
                keys,
                settings(),
                referral,
                to=ReferralStatus.EXPIRED,
                by=Role.CLOCK,
            )
    log(Event.REFERRALS_EXPIRED, count=len(referrals))


@queue.periodic("copy_needs", cron="*/5 * * * *")
async def copy_needs() -> None:
    async with _directory() as directory:
        known = KnownCodes(UnknownNeed, directory.list_needs, queue.database)
        # Away is no failure of ours: the copy serves, and the next tick asks again.
        with suppress(PeerUnavailable):
            await known.refresh()


@queue.task(CHECK_NEEDS)
async def check_pointer_needs(*, pointer_id: str) -> None:
    """Ask again what a service answers; until then its pointer counts as sensitive in every way."""
    async with _directory() as directory:
        await narrow_pointer(directory, UUID(pointer_id))


async def narrow_pointer(directory: Directory, pointer_id: UUID) -> None:
    async with queue.database.write(system=SystemReason.CLOCK) as session:
        pointer = (
            await session.exec(select(Pointer).where(Pointer.id == pointer_id).with_for_update())
        ).first()
        if pointer is None or pointer.service_id is None or pointer.needs_checked_at is not None:
            return
        try:
            service = await directory.find_service(pointer.service_id)
        except UnknownService:
            log(Event.POINTER_SERVICE_GONE)
            return
        own = frozenset({pointer.category}) & SENSITIVE
        pointer.sensitive_categories = sorted(own | service.sensitive_categories)
        pointer.needs_checked_at = clock.now()
        session.add(pointer)


@asynccontextmanager
async def _directory() -> AsyncIterator[HttpDirectory]:
    key = settings().signing_key_file.read_bytes()
    directory = HttpDirectory.connect(settings().directory_url, key)
    try:
        yield directory
    finally:
        await directory.close()
