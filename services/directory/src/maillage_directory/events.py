"""Log events (`DIR…`) and audit events of the directory."""

from enum import StrEnum
from logging import INFO, WARNING

from maillage_common.events import LogEvent


class DirectoryEvent(LogEvent):
    RECORDS_LOADED = ("DIR001", INFO, "records loaded")
    RECORDS_REJECTED = ("DIR002", WARNING, "some records were rejected")
    IMPORT_DONE = ("DIR020", INFO, "an import is over")
    IMPORT_FAILED = ("DIR021", WARNING, "a file could not be imported")


class AuditEvent(StrEnum):
    SERVICE_CREATED = "service.created"
    SERVICE_CHANGED = "service.changed"
    SERVICE_VERIFIED = "service.verified"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_CHANGED = "organization.changed"
    ORGANIZATION_VERIFIED = "organization.verified"
    CAPACITY_REPORTED = "capacity.reported"
    OBSERVATION_NOTED = "observation.noted"
    TERRITORY_CHANGED = "territory.changed"
    OUTLINE_IMPORTED = "territory.outline_imported"
    ROTA_CHANGED = "rota.changed"
    ROTA_DELETED = "rota.deleted"
    EVENT_CHANGED = "event.changed"
    EVENT_DELETED = "event.deleted"
    ATTENDANCE_COUNTED = "event.attendance_counted"
    OBSERVATION_MOVED = "observation.moved"
    OBSERVATION_MODERATED = "observation.moderated"
    DIAGNOSTIC_CHANGED = "diagnostic.changed"
    DIAGNOSTIC_DELETED = "diagnostic.deleted"
    COLLECTION_CHANGED = "collection.changed"
    COLLECTION_DELETED = "collection.deleted"
    ENQUIRY_ASKED = "enquiry.asked"
    ENQUIRY_ANSWERED = "enquiry.answered"
    ENQUIRY_WITHDRAWN = "enquiry.withdrawn"
    RECORDS_LOADED = "records.loaded"
    IMPORT_RECEIVED = "import.received"
    IMPORT_APPLIED = "import.applied"
    SERVICE_DELETED = "service.deleted"
    ORGANIZATION_DELETED = "organization.deleted"
    ORGANIZATION_DELISTED = "organization.delisted"
    ORGANIZATION_RELISTED = "organization.relisted"
    RECORDS_MERGED = "records.merged"
    DUPLICATE_DISMISSED = "duplicate.dismissed"
    SUGGESTION_MADE = "suggestion.made"
    SUGGESTION_DECIDED = "suggestion.decided"
    DELEGATION_GIVEN = "delegation.given"
    DELEGATION_ENDED = "delegation.ended"
