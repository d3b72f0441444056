from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_referrals.cards.schemas import Secret
from maillage_referrals.subjects.schemas import Handle
from maillage_referrals.vocabulary import LinkEnd, LinkEvidence


class CardRead(Payload):
    kind: Literal["card_read"]
    card_secret: Secret | None = None


class CodeRead(Payload):
    kind: Literal["one_time_code"]
    code: Annotated[str, Field(max_length=16)]


class ReferralAccepted(Payload):
    kind: Literal["accepted_referral"]
    referral_id: UUID


class Declared(Payload):
    """The worker's word alone: shows nothing, opens nothing that others wrote."""

    kind: Literal["declared"]


Evidence = Annotated[CardRead | CodeRead | ReferralAccepted | Declared, Field(discriminator="kind")]


class CareLinkRequest(Payload):
    """A worker links their own organization, or with `only_me` themself alone.

    The person, in their own session, names the `organization`; their card is the evidence.
    """

    handle: Handle
    evidence: Evidence
    organization: UUID | None = None
    only_me: bool = False


class CareLinkPublic(Answer):
    id: UUID
    handle: str
    organization: UUID
    person: str | None
    evidence: LinkEvidence
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_by: LinkEnd | None
