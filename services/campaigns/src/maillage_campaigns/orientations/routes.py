"""Where referrals delivers its signed events."""

from typing import Annotated

from fastapi import Request
from pydantic import ValidationError

from maillage_campaigns.orientations.schemas import ReferralEvent
from maillage_campaigns.orientations.service import note_referral_event
from maillage_common.app import maillage_router
from maillage_common.auth import Caller, open_to_anyone
from maillage_common.database import DatabaseDep
from maillage_common.errors import FieldError, Forbidden, InvalidRequest
from maillage_common.webhooks import verify

router = maillage_router(prefix="/campaigns/v1", tags=["orientations"])

# No scope: only the service `referrals` by its own token, and only with a valid signature.
Neighbour = Annotated[Caller, open_to_anyone()]


@router.post(
    "/referral-events",
    status_code=202,
    openapi_extra={"x-no-idempotency": True},
    include_in_schema=False,
)
async def receive_referral_event(
    request: Request, caller: Neighbour, database: DatabaseDep
) -> dict[str, str]:
    """A Standard Webhooks delivery; 202 also for a referral that did not come from here."""
    if caller.subject != "referrals" or not caller.is_machine:
        raise Forbidden("Only the referrals service delivers here.")
    settings = request.app.state.settings
    payload = verify(await request.body(), dict(request.headers), settings.webhook_secret)
    try:
        event = ReferralEvent.model_validate(payload)
    except ValidationError as error:
        faults = [
            FieldError(fault["type"], fault["msg"], pointer="/" + "/".join(map(str, fault["loc"])))
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidRequest("See `errors`.", errors=faults) from None
    await note_referral_event(database, event)
    return {}
