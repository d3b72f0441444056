"""The person takes everything with them."""

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_referrals.access.gate import select_visible_pointers, select_visible_referrals
from maillage_referrals.access.party import Party
from maillage_referrals.access.service import get_own_subject
from maillage_referrals.cards.service import list_own_cards
from maillage_referrals.care_links.service import list_visible_care_links
from maillage_referrals.consents.service import list_visible_consents
from maillage_referrals.events import Trail
from maillage_referrals.exclusions.service import list_own_exclusions
from maillage_referrals.exports.schemas import ExportPublic
from maillage_referrals.models import Pointer, Referral
from maillage_referrals.pointers.service import public_pointer
from maillage_referrals.referrals.service import public_item


async def export_record(
    session: AsyncSession, party: Party, trail: AuditTrail, *, handle: str
) -> ExportPublic:
    """Through the same gate as every other read; the person's own way through it is open."""
    subject_id = get_own_subject(party, handle=handle)
    name = party.keys.audit_name(subject_id)
    trail.record(Trail.RECORD_EXPORTED, entity="subject", entity_id=name, subject=name)
    pointers = await session.exec(
        select_visible_pointers().where(Pointer.subject_id == subject_id).order_by(col(Pointer.id))
    )
    referrals = await session.exec(
        select_visible_referrals()
        .where(Referral.subject_id == subject_id)
        .order_by(col(Referral.id))
    )
    return ExportPublic(
        handle=handle,
        exported_at=clock.now(),
        cards=await list_own_cards(session, party, handle=handle),
        consents=await list_visible_consents(session, party, trail, handle=handle),
        exclusions=await list_own_exclusions(session, party, handle=handle),
        care_links=await list_visible_care_links(session, party, handle=handle),
        pointers=[public_pointer(party, row) for row in pointers.all()],
        referrals=[public_item(party, row) for row in referrals.all()],
    )
