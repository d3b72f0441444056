"""Facts this service refuses with; rendered at the edge as problem documents."""

from maillage_common.codes import UnknownCode
from maillage_common.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
)


class TenantRequired(Forbidden):
    code, title = "tenant_required", "The token names no mutuality"


class ScopesConflict(Forbidden):
    code = "scopes_conflict"
    title = "One token never manages campaigns and handles a mutuality's people"


class CampaignClosed(Conflict):
    code, title = "campaign_closed", "The campaign has ended or has not begun"


class ImportNotWaiting(Conflict):
    code, title = "import_not_awaiting_approval", "The import does not await a decision"


class ConfirmationRequired(Conflict):
    code = "confirmation_required"
    title = "So many rows are bad that the approval must be confirmed"


class EmptyFile(Unprocessable):
    code, title = "empty_file", "The file holds no bytes"


class FileMissing(BadRequest):
    code, title = "file_missing", "The multipart body holds no file"


class MalformedMultipart(BadRequest):
    code, title = "malformed_multipart", "The multipart body could not be read"


class FileTooLarge(TooLarge):
    code, title = "file_too_large", "The file is larger than accepted"


class NotAList(UnsupportedMediaType):
    code, title = "not_a_list", "Send the call list as text/csv or multipart/form-data"


class StaleFencingToken(Conflict):
    code = "stale_fencing_token"
    title = "Another call on this person has begun since; the result was kept as evidence only"


class LeaseEnded(Conflict):
    code, title = "lease_ended", "The lease was released or already has its result"


class LeaseLimit(Conflict):
    code, title = "lease_limit", "The lease cannot be extended any further"


class UnknownNumber(Unprocessable):
    code, title = "unknown_number", "The person has no number at this position"


class UnknownNeed(UnknownCode):
    code, title = "unknown_need", "No need has this code"
    what = "need"


class UnknownTheme(UnknownCode):
    code, title = "unknown_theme", "No campaign has this theme"
    what = "campaign"


class InvalidIdentifier(Unprocessable):
    code, title = "invalid_identifier", "A number in the request is not valid"


class ReferralNotKnownYet(Conflict):
    code = "referral_not_known_yet"
    title = "The event arrived before the referral was recorded here; send it again"
