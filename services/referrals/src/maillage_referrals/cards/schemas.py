from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_referrals.vocabulary import RevocationReason

Secret = Annotated[str, Field(min_length=16, max_length=128, description="What the QR says")]


class CardSessionRequest(Payload):
    secret: Secret


class CardSessionPublic(Answer):
    """An OAuth 2 bearer token for the person themself, and their own handle."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    handle: str


class NewCardRequest(Payload):
    """A worker shows an existing card's secret; the person's own session needs nothing."""

    card_secret: Secret | None = None


class CardPublic(Answer):
    id: UUID
    code: str
    created_at: datetime
    revoked_at: datetime | None
    revocation_reason: RevocationReason | None


class NewCardPublic(Answer):
    """The only time that `qr_payload` is shown: only a hash of it is kept."""

    id: UUID
    code: str
    qr_payload: str


class RevocationRequest(Payload):
    reason: RevocationReason


class OneTimeCodePublic(Answer):
    """Eight digits that the person reads out, good once."""

    code: str
    expires_at: datetime
