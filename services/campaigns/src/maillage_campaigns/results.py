"""What a dial or a call can end in, with its code in AAPOR's Standard Definitions (telephone).

Our frame is named members, not random digits: a wrong number leaves eligibility unknown until it is
traced (UO); someone who moved away or left the mutuality is not eligible (NE).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class AaporClass(StrEnum):
    COMPLETE = "I"
    PARTIAL = "P"
    REFUSAL = "R"
    NON_CONTACT = "NC"
    OTHER = "O"
    UNKNOWN_HOUSEHOLD = "UH"
    UNKNOWN_OTHER = "UO"
    NOT_ELIGIBLE = "NE"


class CallResult(StrEnum):
    """The dial's result, in the words of those who call."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"
    BROKE_OFF = "broke_off"
    CALL_BACK = "call_back"
    RELATIVE_ANSWERED = "relative_answered"
    VOICEMAIL_LEFT = "voicemail_left"
    VOICEMAIL = "voicemail"
    DECEASED = "deceased"
    UNABLE = "unable"
    LANGUAGE_BARRIER = "language_barrier"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    TECHNICAL_PROBLEM = "technical_problem"
    WRONG_NUMBER = "wrong_number"
    OUT_OF_SERVICE = "out_of_service"
    MOVED_AWAY = "moved_away"
    LEFT_MUTUALITY = "left_mutuality"


@dataclass(frozen=True)
class ResultMeaning:
    """`reached` = the person was spoken with; `number_failed` = this number will not reach them."""

    aapor_code: str
    aapor_class: AaporClass
    reached: bool = False
    number_failed: bool = False


MEANINGS: dict[CallResult, ResultMeaning] = {
    CallResult.COMPLETE: ResultMeaning("1.1", AaporClass.COMPLETE, reached=True),
    CallResult.PARTIAL: ResultMeaning("1.2", AaporClass.PARTIAL, reached=True),
    CallResult.REFUSED: ResultMeaning("2.112", AaporClass.REFUSAL, reached=True),
    CallResult.BROKE_OFF: ResultMeaning("2.12", AaporClass.REFUSAL, reached=True),
    CallResult.CALL_BACK: ResultMeaning("2.36", AaporClass.OTHER, reached=True),
    CallResult.RELATIVE_ANSWERED: ResultMeaning("2.21", AaporClass.NON_CONTACT),
    CallResult.VOICEMAIL_LEFT: ResultMeaning("2.221", AaporClass.NON_CONTACT),
    CallResult.VOICEMAIL: ResultMeaning("2.222", AaporClass.NON_CONTACT),
    CallResult.DECEASED: ResultMeaning("2.31", AaporClass.OTHER),
    CallResult.UNABLE: ResultMeaning("2.32", AaporClass.OTHER),
    CallResult.LANGUAGE_BARRIER: ResultMeaning("2.332", AaporClass.OTHER, reached=True),
    CallResult.BUSY: ResultMeaning("3.12", AaporClass.UNKNOWN_HOUSEHOLD),
    CallResult.NO_ANSWER: ResultMeaning("3.13", AaporClass.UNKNOWN_HOUSEHOLD),
    CallResult.TECHNICAL_PROBLEM: ResultMeaning("3.16", AaporClass.UNKNOWN_HOUSEHOLD),
    CallResult.WRONG_NUMBER: ResultMeaning("3.90", AaporClass.UNKNOWN_OTHER, number_failed=True),
    CallResult.OUT_OF_SERVICE: ResultMeaning("3.90", AaporClass.UNKNOWN_OTHER, number_failed=True),
    CallResult.MOVED_AWAY: ResultMeaning("4.10", AaporClass.NOT_ELIGIBLE),
    CallResult.LEFT_MUTUALITY: ResultMeaning("4.10", AaporClass.NOT_ELIGIBLE),
}


# Which of several attempts tells what became of the case: the most that was learnt about the
# person, not the last thing that happened (AAPOR Standard Definitions, "final dispositions").
PRECEDENCE = (
    CallResult.COMPLETE,
    CallResult.PARTIAL,
    CallResult.DECEASED,
    CallResult.MOVED_AWAY,
    CallResult.LEFT_MUTUALITY,
    CallResult.REFUSED,
    CallResult.BROKE_OFF,
    CallResult.UNABLE,
    CallResult.CALL_BACK,
    CallResult.LANGUAGE_BARRIER,
    CallResult.RELATIVE_ANSWERED,
    CallResult.VOICEMAIL_LEFT,
    CallResult.VOICEMAIL,
    CallResult.WRONG_NUMBER,
    CallResult.OUT_OF_SERVICE,
    CallResult.TECHNICAL_PROBLEM,
    CallResult.BUSY,
    CallResult.NO_ANSWER,
)
_RANK = {result: rank for rank, result in enumerate(PRECEDENCE)}


def most_learnt(results: Iterable[CallResult]) -> CallResult:
    """The one of several attempts' results that stands for the case; at least one is given."""
    return min(results, key=_RANK.__getitem__)


class Obstacle(StrEnum):
    """Structural barriers a person met; the directory aggregates them by territory and need."""

    WAITING_LIST = "waiting_list"
    DIGITAL_ONLY = "digital_only"
    LANGUAGE = "language"
    COST = "cost"
    TRANSPORT = "transport"
    PAPERWORK = "paperwork"
    OPENING_HOURS = "opening_hours"
    NO_SERVICE_NEARBY = "no_service_nearby"
    REFUSED_BY_SERVICE = "refused_by_service"
    RIGHTS_NOT_OPENED = "rights_not_opened"
    ACCESSIBILITY = "accessibility"
    NOT_INFORMED = "not_informed"


class ClosedBecause(StrEnum):
    COMPLETED = "completed"
    REFUSED = "refused"
    OBJECTION = "objection"
    NOT_ELIGIBLE = "not_eligible"
    DECEASED = "deceased"
    UNABLE = "unable"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    NO_NUMBER = "no_number"


class Category(StrEnum):
    """What a consent given on the phone may name: the categories of referrals."""

    ADMINISTRATION = "administration"
    COORDINATION = "coordination"
    DEBTS = "debts"
    DENTAL = "dental"
    DIGITAL = "digital"
    DISABILITY = "disability"
    ELDERLY = "elderly"
    EMPLOYMENT = "employment"
    ENERGY = "energy"
    FAMILY = "family"
    FOOD = "food"
    GENERAL_MEDICINE = "general_medicine"
    HEALTH_INSURANCE = "health_insurance"
    HOSPITAL = "hospital"
    HOUSING = "housing"
    INTERPRETING = "interpreting"
    ISOLATION = "isolation"
    PREVENTION = "prevention"
    ADDICTION = "addiction"
    MENTAL_HEALTH = "mental_health"
    RESIDENCE_STATUS = "residence_status"
    SEXUAL_HEALTH = "sexual_health"
    VIOLENCE = "violence"
