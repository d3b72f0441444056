from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload
from maillage_referrals.cards.schemas import NewCardPublic
from maillage_referrals.consents.schemas import FunctionName, InformationText, ProofRequest
from maillage_referrals.referrals.schemas import HandOverRequest, LocalReference, ReferralPublic
from maillage_referrals.subjects.schemas import Handle
from maillage_referrals.vocabulary import SENSITIVE, Accompaniment, Category, Purpose

NeedCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")]


class KnownSubject(Payload):
    handle: Handle


class AnonymousSubject(Payload):
    """A new person without a name; the answer carries their card."""

    anonymous: Literal[True]


class GivenConsent(ProofRequest):
    """Consent to this one referral, given now. `categories` are the sensitive ones it names."""

    categories: Annotated[tuple[Category, ...], Field(max_length=len(SENSITIVE))] = ()
    text: InformationText
    with_interpreter: bool = False


class RecordedConsent(Payload):
    """A consent that stands already and favours the receiver."""

    id: UUID


class Sender(Payload):
    """For whom a service of ours acts by itself; refused from everybody else."""

    organization: UUID
    function: FunctionName | None = None


class OrientationRequest(Payload):
    """Subject, consent, hand-over and referral in one call: all of it is kept, or nothing."""

    subject: KnownSubject | AnonymousSubject
    service_id: UUID
    needs: Annotated[list[NeedCode], Field(min_length=1, max_length=10)]
    purpose: Purpose
    consent: GivenConsent | RecordedConsent
    hand_over: HandOverRequest | None = None
    accompaniment: Accompaniment = Accompaniment.NONE
    due_at: Instant | None = None
    local_reference: LocalReference | None = None
    follows: UUID | None = None
    draft: bool = False
    sender: Sender | None = None


class WarningPublic(Answer):
    code: Literal["target_saturated"]


class OrientationPublic(ReferralPublic):
    """The referral; the card when the person was made in this call (its QR is shown this once)."""

    card: NewCardPublic | None
    warnings: list[WarningPublic]
