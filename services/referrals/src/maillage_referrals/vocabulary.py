"""The closed vocabulary. Every coded field of the service takes its values from here.

No value here may serve eligibility, quotas, sanctions or scoring: a purpose that is not on the list
cannot be stated, and what cannot be stated cannot be consented to.
"""

from collections.abc import Iterable
from enum import StrEnum


class Category(StrEnum):
    """What an entry is about, in the words of the directory's needs."""

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


SENSITIVE = frozenset(
    {
        Category.ADDICTION,
        Category.MENTAL_HEALTH,
        Category.RESIDENCE_STATUS,
        Category.SEXUAL_HEALTH,
        Category.VIOLENCE,
    }
)
ORDINARY = frozenset(Category) - SENSITIVE

# The directory's sensitive needs (also the stem of their children) and what they reveal.
SENSITIVE_NEEDS = {
    "addiction": Category.ADDICTION,
    "foreigners-law": Category.RESIDENCE_STATUS,
    "mental-health": Category.MENTAL_HEALTH,
    "sexual-health": Category.SEXUAL_HEALTH,
    "violence": Category.VIOLENCE,
}


def sensitive_categories(needs: Iterable[str]) -> frozenset[Category]:
    """What a set of the directory's need codes reveals beyond the ordinary.

    A child is as sensitive as its parent: `mental-health-young` reveals mental health.
    """
    return frozenset(
        category
        for need in needs
        for stem, category in SENSITIVE_NEEDS.items()
        if need == stem or need.startswith(f"{stem}-")
    )


# What a consent may name instead of a category: every category that is not sensitive.
ALL_ORDINARY = "ordinary"


class Purpose(StrEnum):
    CARE = "care"
    SOCIAL_SUPPORT = "social_support"
    COORDINATION = "coordination"
    CONTINUITY_AT_DISCHARGE = "continuity_at_discharge"


class Proof(StrEnum):
    """How a consent was given and proved."""

    CARD = "card"
    ONE_TIME_CODE = "one_time_code"
    LOGIN = "login"
    ORAL = "oral"
    WRITTEN = "written"


PROVED_BY_PERSON = frozenset({Proof.CARD, Proof.ONE_TIME_CODE, Proof.LOGIN})


class ConsentScope(StrEnum):
    RECORD = "record"
    REFERRAL = "referral"


class ConsentStatus(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REPLACED = "replaced"


class GranteeKind(StrEnum):
    ORGANIZATION = "organization"
    FUNCTION = "function"
    PERSON = "person"


class LinkEvidence(StrEnum):
    """What shows that the person took part in a care link. `declared` shows nothing."""

    CARD_READ = "card_read"
    ONE_TIME_CODE = "one_time_code"
    ACCEPTED_REFERRAL = "accepted_referral"
    DECLARED = "declared"


class LinkEnd(StrEnum):
    PERSON = "person"
    ORGANIZATION = "organization"
    CLOCK = "clock"


class RevocationReason(StrEnum):
    LOST = "lost"
    STOLEN = "stolen"
    REPLACED = "replaced"
    UNWANTED = "unwanted"


class PointerKind(StrEnum):
    CONTACT = "contact"
    EPISODE = "episode"
    PASSAGE = "passage"
    DEMARCHE = "demarche"
    DOCUMENT = "document"
    DISCHARGE = "discharge"


class PointerStatus(StrEnum):
    PLANNED = "planned"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    DONE = "done"
    STOPPED = "stopped"


class ReferralStatus(StrEnum):
    DRAFT = "draft"
    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    NO_SHOW = "no_show"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    REROUTED = "rerouted"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ENTERED_IN_ERROR = "entered_in_error"


class TransitionReason(StrEnum):
    """Why a receiver rejected or could not finish."""

    NO_CAPACITY = "no_capacity"
    OUTSIDE_AREA = "outside_area"
    OUTSIDE_MISSION = "outside_mission"
    CONDITIONS_NOT_MET = "conditions_not_met"
    LANGUAGE_NOT_AVAILABLE = "language_not_available"
    CLOSED_OR_MOVED = "closed_or_moved"
    PERSON_NOT_REACHED = "person_not_reached"
    PERSON_DID_NOT_COME = "person_did_not_come"
    PERSON_CHOSE_OTHERWISE = "person_chose_otherwise"
    DUPLICATE = "duplicate"


class OutcomeCode(StrEnum):
    """What the receiver did."""

    INFORMED = "informed"
    DEMARCHE_STARTED = "demarche_started"
    DEMARCHE_DONE = "demarche_done"
    CARE_GIVEN = "care_given"
    SUPPORT_STARTED = "support_started"
    ORIENTED_ELSEWHERE = "oriented_elsewhere"
    RIGHT_OPENED = "right_opened"
    RIGHT_REFUSED = "right_refused"


class ServiceOutcome(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class PersonAnswer(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNREACHABLE = "unreachable"


class AnsweredBy(StrEnum):
    PERSON = "person"
    SENDER = "sender"


class Role(StrEnum):
    """Who acts on a referral."""

    SENDER = "sender"
    RECEIVER = "receiver"
    PERSON = "person"
    CLOCK = "clock"


class HandOverKind(StrEnum):
    CARD_CODE = "card_code"
    APPOINTMENT = "appointment"
    CONTACT = "contact"


class Accompaniment(StrEnum):
    """Who goes along to the first meeting."""

    NONE = "none"
    WORKER = "worker"
    PEER = "peer"
    INTERPRETER = "interpreter"
    FAMILY = "family"
