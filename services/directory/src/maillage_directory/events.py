"""Log events (`DIR…`) and audit events of the directory."""

from enum import StrEnum
from logging import INFO, WARNING

from maillage_common.events import LogEvent


class DirectoryEvent(LogEvent):
    RECORDS_LOADED = ("DIR001", INFO, "records loaded")
    RECORDS_REJECTED = ("DIR002", WARNING, "some records were rejected")
    REFERENCE_LOADED = ("DIR003", INFO, "reference data loaded")


class AuditEvent(StrEnum):
    SERVICE_CREATED = "service.created"
    SERVICE_CHANGED = "service.changed"
    SERVICE_VERIFIED = "service.verified"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_CHANGED = "organization.changed"
    CAPACITY_REPORTED = "capacity.reported"
    OBSERVATION_NOTED = "observation.noted"
    TERRITORY_CHANGED = "territory.changed"
    OUTLINE_IMPORTED = "territory.outline_imported"
    RECORDS_LOADED = "records.loaded"
