"""The closed lists of the directory, in the words of the field."""

from enum import StrEnum


class Visibility(StrEnum):
    """Who may see a record; each member is seen by fewer people than the one before."""

    PUBLIC = "public"
    PROFESSIONAL = "professional"
    NETWORK = "network"
    OWN = "own"


class ResourceType(StrEnum):
    """The records that have a card; HSDS object names."""

    ORGANIZATION = "organization"
    SERVICE = "service"


class ActionType(StrEnum):
    """HSDS `metadata.last_action_type`."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class ActorKind(StrEnum):
    """What sort of actor stands behind an organization or a service."""

    PUBLIC_INSTITUTION = "public_institution"
    ASSOCIATION = "association"
    INDEPENDENT = "independent"
    INFORMAL_NETWORK = "informal_network"
    SELF_HELP = "self_help"
    INITIATIVE = "initiative"
    SUPPORT_SERVICE = "support_service"
    MUTUALITY_SERVICE = "mutuality_service"


class ServiceStatus(StrEnum):
    """HSDS 3.1 `service.status`."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DEFUNCT = "defunct"
    TEMPORARILY_CLOSED = "temporarily closed"


class AccessMode(StrEnum):
    WALK_IN = "walk_in"
    APPOINTMENT = "appointment"
    HOME_VISIT = "home_visit"
    PHONE = "phone"
    ONLINE = "online"
    MOBILE_ROUND = "mobile_round"
    INTERPRETER_ON_REQUEST = "interpreter_on_request"


class ConditionKind(StrEnum):
    """For whom a service is. `cost_free` and `accessible` stand apart, on the service."""

    NO_PAPERS_NEEDED = "no_papers_needed"
    UNDOCUMENTED = "undocumented"
    ASYLUM = "asylum"
    TEMPORARY_PROTECTION = "temporary_protection"
    INSURED = "insured"
    BIM = "bim"
    AMU = "amu"
    NO_INSURANCE = "no_insurance"
    REFERENCE_ADDRESS = "reference_address"
    ABOVE_THRESHOLD = "above_threshold"
    ANONYMOUS_WELCOME = "anonymous_welcome"
    MEN = "men"
    WOMEN = "women"
    FAMILIES = "families"


class Known(StrEnum):
    """An answer that may be missing: `unknown` is not `no`."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Cost(StrEnum):
    FREE = "free"
    PAID = "paid"
    UNKNOWN = "unknown"


class CapacityStatus(StrEnum):
    """HL7 SDOH Clinical Care, `capacityStatus` codes."""

    CAPACITY = "capacity"
    NO_CAPACITY = "no_capacity"
    WAITLIST = "waitlist"
    ADDITIONAL_ASSESSMENT_REQUIRED = "additional_assessment_required"


class Confidence(StrEnum):
    """How sure a capacity report is: told by the service itself, or passed on by someone."""

    DECLARED = "declared"
    RELAYED = "relayed"


class TerritoryKind(StrEnum):
    REGION = "region"
    BASIN = "basin"
    COMMUNE = "commune"
    POSTCODE = "postcode"
    RAQ_ZONE = "raq_zone"
    CHW_ZONE = "chw_zone"
    PSSI_QUARTIER = "pssi_quartier"
    CLSS_AREA = "clss_area"
    STATISTICAL_SECTOR = "statistical_sector"


class CoverageRole(StrEnum):
    WORKER = "worker"
    HOST_PARTNER = "host_partner"
    TEAM = "team"


class Frequency(StrEnum):
    """HSDS 3.1 `schedule.freq`: a subset of RFC 5545."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class HolidayRule(StrEnum):
    """What a schedule does on a Belgian public holiday."""

    CLOSED = "closed"
    OPEN = "open"


class LocationType(StrEnum):
    """HSDS 3.1 `location.location_type`."""

    PHYSICAL = "physical"
    POSTAL = "postal"
    VIRTUAL = "virtual"


class PhoneKind(StrEnum):
    VOICE = "voice"
    FAX = "fax"
    TEXT = "text"
    TTY = "tty"


class ObservationKind(StrEnum):
    GAP = "gap"
    OBSTACLE = "obstacle"


class ObservationState(StrEnum):
    NOTED = "noted"
    SENT = "sent"
    ANSWERED = "answered"


class EventKind(StrEnum):
    PERMANENCE = "permanence"
    WORKSHOP = "workshop"
    MOBILE_ROUND = "mobile_round"
    MEETING = "meeting"
    OTHER = "other"


class Audience(StrEnum):
    """For whom an event is; reports count workshops for either."""

    PUBLIC = "public"
    PROFESSIONALS = "professionals"


class SuggestionState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class DuplicateDecision(StrEnum):
    MERGE = "merge"
    DISMISS = "dismiss"


class NoteCode(StrEnum):
    """What may be wrong with a record, for someone who may write no words."""

    CLOSED_FOR_GOOD = "closed_for_good"
    WRONG_PHONE = "wrong_phone"
    WRONG_EMAIL = "wrong_email"
    WRONG_ADDRESS = "wrong_address"
    WRONG_HOURS = "wrong_hours"
    WRONG_LANGUAGE = "wrong_language"
    WRONG_CONDITIONS = "wrong_conditions"
    NOT_OFFERED = "not_offered"
    LISTED_TWICE = "listed_twice"
    NOT_AGREED = "not_agreed"


class EnquiryState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class EnquiryOutcome(StrEnum):
    SERVICES_FOUND = "services_found"
    NONE_FOUND = "none_found"
