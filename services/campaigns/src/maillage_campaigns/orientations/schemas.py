"""What referrals tells about a referral that came from a call: never anything about the person."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from maillage_campaigns.models import PersonAnswer
from maillage_common.dates import Instant


class ReferralFacts(BaseModel):
    """Fields we do not know are passed over: a sender may be newer than this receiver."""

    referral_id: UUID
    state: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    person_answer: PersonAnswer | None = None


class ReferralEvent(BaseModel):
    type: str
    timestamp: Instant
    data: ReferralFacts
