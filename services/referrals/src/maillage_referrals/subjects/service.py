"""Anonymous people, and what each organization calls them."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditTrail
from maillage_referrals.access import scope
from maillage_referrals.access.party import Party
from maillage_referrals.cards.schemas import NewCardPublic
from maillage_referrals.cards.service import locate, make_card
from maillage_referrals.events import Trail
from maillage_referrals.models import Card, Subject
from maillage_referrals.subjects.schemas import NewSubjectPublic, ResolvedPublic


async def make_subject(
    session: AsyncSession, party: Party, trail: AuditTrail
) -> tuple[UUID, Card, NewCardPublic]:
    """A person without a name, and their first card."""
    organization = party.own_organization()
    subject = Subject.model_validate({"created_by_organization": organization})
    await scope.name_subject(session, subject.id)
    session.add(subject)
    await session.flush()
    name = party.keys.audit_name(subject.id)
    trail.record(Trail.SUBJECT_MADE, entity="subject", entity_id=name, subject=name)
    card, shown = await make_card(
        session, trail, party.keys, subject_id=subject.id, issuer=organization
    )
    return subject.id, card, shown


async def start_subject(session: AsyncSession, party: Party, trail: AuditTrail) -> NewSubjectPublic:
    subject_id, _, card = await make_subject(session, party, trail)
    return NewSubjectPublic(handle=party.handle_of(subject_id), card=card)


async def resolve(
    session: AsyncSession, party: Party, trail: AuditTrail, *, secret: str | None, code: str | None
) -> ResolvedPublic:
    """The caller's own handle for the card's holder; for nobody, one that means nobody."""
    party.own_organization()
    subject_id = await locate(session, party.keys, secret=secret, code=code)
    name = party.keys.audit_name(subject_id)
    trail.record(Trail.HANDLE_RESOLVED, entity="subject", entity_id=name, subject=name)
    return ResolvedPublic(handle=party.handle_of(subject_id))
