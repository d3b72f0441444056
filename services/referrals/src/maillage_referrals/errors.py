"""Facts that end a request, with their status and stable code.

What a caller may not see and what is not there are one fact: `NotFound` of the library, bare.
"""

from uuid import UUID

from maillage_common.codes import UnknownCode
from maillage_common.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Unauthenticated,
    Unprocessable,
)


class CardRefused(Forbidden):
    code, title = "card_refused", "This card does not open anything"


class CardSessionEnded(Unauthenticated):
    code, title = "card_session_ended", "The card of this session was revoked"


class OrganizationRequired(Forbidden):
    code, title = "organization_required", "The token names no organization"


class FunctionRequired(Forbidden):
    code, title = "function_required", "The token names no function"


class PersonRequired(Forbidden):
    code, title = "person_required", "Only the person may do this, with their own card session"


class ServiceRefused(Forbidden):
    code, title = "service_refused", "A service acting for someone may not do this"


class ConsentMissing(Forbidden):
    code, title = "consent_missing", "No active consent of the person covers this"


class NotYourMove(Forbidden):
    code, title = "not_your_move", "This change is the other side's to make"


class ConsentNotUsable(Conflict):
    code, title = "consent_not_usable", "This consent is not active, or is not about this"


class ConsentFinal(Conflict):
    code, title = "consent_final", "This consent ended; a new one is given instead"


class LocatorTaken(Conflict):
    code, title = "locator_taken", "Your organization already has an entry with this locator"


class PointerEnded(Conflict):
    code, title = "pointer_ended", "This entry was superseded or entered in error"


class IllegalTransition(Conflict):
    code, title = "illegal_transition", "The referral cannot go from its state to that one"


class AnswerNotDue(Conflict):
    code, title = "answer_not_due", "No answer of the person can be noted in this state"


class AnswerGiven(Conflict):
    code, title = "answer_given", "The person's answer is noted already"


class NotFollowable(Conflict):
    code, title = "not_followable", "A new referral cannot follow one in this state"


class ConsentDoesNotName(Unprocessable):
    code, title = "consent_does_not_name", "The consent does not name what is sensitive here"


class ConsentTooLong(Unprocessable):
    code, title = "consent_too_long", "The period is not within the longest one allowed"


class ProofRefused(Unprocessable):
    code, title = "proof_refused", "The proof does not show that this person took part"


class PurposeRequired(Unprocessable):
    code, title = "purpose_required", "State the purpose"


class UnknownService(Unprocessable):
    """The directory has no such service, or no more. One that was merged is not gone after: what
    was kept may be another organization's, and the person was told whose it is."""

    code, title = "unknown_service", "The directory has no such service"

    def __init__(self, *, merged_into: UUID | None = None) -> None:
        detail, kept = "Search the directory again.", []
        if merged_into is not None:
            detail = "It was merged into another: tell the person whose that is, then ask for it."
            kept = [str(merged_into)]
        super().__init__(
            errors=[FieldError(self.code, detail, "/service_id", suggestions=kept)],
        )


class UnknownNeed(UnknownCode):
    code, title = "unknown_need", "No need has this code"
    what = "need"


class UnknownFunction(Unprocessable):
    code, title = "unknown_function", "The access matrix has no such function"


class SenderNotExpected(Unprocessable):
    code, title = "sender_not_expected", "The sender follows from the token"


class SenderRequired(Unprocessable):
    code, title = "sender_required", "A service that acts by itself names the sender"


class HandOverRequired(Unprocessable):
    code, title = "hand_over_required", "The receiver must know whom to expect"
