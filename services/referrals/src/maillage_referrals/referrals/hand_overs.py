"""How the receiver knows whom to expect: a card's code, an appointment, or a sealed envelope."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_referrals.access.scope import LookPast, looking_past
from maillage_referrals.cards import codes
from maillage_referrals.cards.queries import find_card_by_code
from maillage_referrals.errors import HandOverRequired, ProofRefused
from maillage_referrals.keys import Keys
from maillage_referrals.models import Card, HandOver, Referral
from maillage_referrals.referrals.schemas import (
    AppointmentHandOver,
    CardCodeHandOver,
    ContactHandOver,
    ContactPublic,
    HandOverPublic,
    HandOverRequest,
)
from maillage_referrals.vocabulary import HandOverKind


async def new_hand_over(
    session: AsyncSession,
    keys: Keys,
    *,
    referral: Referral,
    request: HandOverRequest | None,
    made_card: Card | None,
) -> HandOver:
    """Without a request the card made in the same call is the hand-over."""
    fields: dict[str, object] = {"referral_id": referral.id}
    match request:
        case None | CardCodeHandOver():
            typed = request.card_code if request else None
            code = await _card_code(session, referral.subject_id, typed=typed, made_card=made_card)
            fields |= {"kind": HandOverKind.CARD_CODE, "card_code": code}
        case AppointmentHandOver():
            fields |= request.model_dump()
        case ContactHandOver():
            contents = request.model_dump_json(exclude={"kind"}).encode()
            sealed = keys.seal_envelope(
                contents, receiver=referral.receiver_organization, referral=referral.id
            )
            fields |= {"kind": HandOverKind.CONTACT, "sealed": sealed}
    return HandOver.model_validate(fields)


def public_hand_over(
    keys: Keys, referral: Referral, hand_over: HandOver, *, unsealed: bool
) -> HandOverPublic:
    """`unsealed` opens the envelope: for the receiver and the person, never for the sender."""
    contact = None
    if unsealed and hand_over.sealed is not None:
        contents = keys.open_envelope(
            hand_over.sealed, receiver=referral.receiver_organization, referral=referral.id
        )
        contact = ContactPublic.model_validate_json(contents)
    return HandOverPublic(
        kind=hand_over.kind,
        card_code=codes.print_code(hand_over.card_code) if hand_over.card_code else None,
        starts_at=hand_over.starts_at,
        ends_at=hand_over.ends_at,
        contact=contact,
        destroyed_at=hand_over.destroyed_at,
    )


async def _card_code(
    session: AsyncSession, subject_id: UUID, *, typed: str | None, made_card: Card | None
) -> str:
    """The code of a live card of this person: the one just made, or one the worker read."""
    if typed is None:
        if made_card is None:
            raise HandOverRequired("Give the card's code, an appointment or a contact.")
        return made_card.code
    async with looking_past(session, LookPast.CARD_LOOKUP):
        card = await find_card_by_code(session, codes.read_code(typed) or "")
    if card is None or card.subject_id != subject_id or card.revoked_at is not None:
        raise ProofRefused("This is not the code of a card of this person.")
    return card.code
