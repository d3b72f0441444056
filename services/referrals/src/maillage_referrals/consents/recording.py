"""Writing a consent down: whom it favours, how it was proved, how long it lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_referrals.access.party import Party
from maillage_referrals.cards.service import check_card, check_one_time_code
from maillage_referrals.consents.schemas import (
    Grantee,
    InformationText,
    OrganizationGrantee,
    ProofRequest,
)
from maillage_referrals.errors import ConsentTooLong, ProofRefused
from maillage_referrals.models import Consent
from maillage_referrals.periods import add_months
from maillage_referrals.settings import Settings
from maillage_referrals.vocabulary import ConsentScope, ConsentStatus, Proof


@dataclass(frozen=True)
class Proved:
    """How the person gave it, checked."""

    method: Proof
    card_id: UUID | None = None


@dataclass(frozen=True)
class Terms:
    """What the person agrees to."""

    scope: ConsentScope
    grantee: Grantee
    categories: list[str]
    purposes: list[str]
    valid_until: datetime | None
    text: InformationText
    with_interpreter: bool


async def prove(
    session: AsyncSession,
    party: Party,
    settings: Settings,
    *,
    subject_id: UUID,
    proof: ProofRequest | None,
) -> Proved:
    """Raises `ProofRefused`. In the person's own session the card that opened it is the proof."""
    if party.is_person:
        if proof is not None and proof.method is not Proof.CARD:
            raise ProofRefused("In your own session the card is the proof.")
        return Proved(Proof.CARD, party.card)
    if proof is None:
        raise ProofRefused("Say how the person gave it.")
    match proof.method:
        case Proof.CARD:
            card_id = await check_card(
                session, party, subject_id=subject_id, secret=proof.card_secret
            )
            return Proved(Proof.CARD, card_id)
        case Proof.ONE_TIME_CODE:
            lifetime = timedelta(minutes=settings.one_time_code_minutes)
            await check_one_time_code(
                session, party, subject_id=subject_id, code=proof.code, lifetime=lifetime
            )
        case Proof.LOGIN:
            raise ProofRefused("A login is the person's own: a worker cannot show it.")
    return Proved(proof.method)


def new_consent(
    party: Party,
    settings: Settings,
    *,
    subject_id: UUID,
    terms: Terms,
    proved: Proved | None,
) -> Consent:
    """Active when proved, else proposed. Raises `ConsentTooLong`."""
    at = clock.now()
    longest = add_months(at, settings.consent_max_months)
    valid_until = terms.valid_until or longest
    if not at < valid_until <= longest:
        raise ConsentTooLong(f"At most {settings.consent_max_months} months from now.")
    return Consent.model_validate(
        {
            "subject_id": subject_id,
            "scope": terms.scope,
            "status": ConsentStatus.ACTIVE if proved else ConsentStatus.PROPOSED,
            "grantee_kind": terms.grantee.kind,
            f"grantee_{terms.grantee.kind}": getattr(terms.grantee, terms.grantee.kind),
            "categories": sorted(set(terms.categories)),
            "purposes": sorted(set(terms.purposes)),
            "valid_from": at,
            "valid_until": valid_until,
            "proof": proved.method if proved else None,
            "proof_card_id": proved.card_id if proved else None,
            "text_language": terms.text.language,
            "text_version": terms.text.version,
            "with_interpreter": terms.with_interpreter,
            "recorded_by_organization": party.organization,
            "recorded_by": party.caller.subject,
            "activated_at": at if proved else None,
        }
    )


__all__ = ["OrganizationGrantee", "Proved", "Terms", "new_consent", "prove"]
