"""All tables of the directory."""

from sqlalchemy import DDL, event
from sqlmodel import SQLModel

import maillage_common.columns  # noqa: F401  sets the naming convention before the first table
from maillage_directory.models.alerts import RegisteredWebhook, SavedSearch, SavedSearchMatch
from maillage_directory.models.cards import Card
from maillage_directory.models.enquiries import Enquiry, EnquiryService
from maillage_directory.models.events import Event, EventAttendance
from maillage_directory.models.history import TRIGGERS, Change, FieldChange, Tombstone
from maillage_directory.models.imports import (
    ImportChunk,
    ImportFinding,
    ImportFormat,
    ImportStage,
    RecordImport,
    SourceAbsence,
)
from maillage_directory.models.kinds import (
    AccessMode,
    ActionType,
    ActorKind,
    Audience,
    CapacityStatus,
    ConditionKind,
    Confidence,
    Cost,
    CoverageRole,
    DuplicateDecision,
    EnquiryOutcome,
    EnquiryState,
    EventKind,
    Frequency,
    HolidayRule,
    Known,
    LocationType,
    NoteCode,
    ObservationKind,
    ObservationState,
    PhoneKind,
    ResourceType,
    ServiceStatus,
    SuggestionState,
    TerritoryKind,
    Visibility,
)
from maillage_directory.models.libraries import Collection, CollectionItem, Diagnostic
from maillage_directory.models.observations import Observation, ObservationTransition
from maillage_directory.models.organizations import (
    Contact,
    Organization,
    OrganizationIdentifier,
    Phone,
)
from maillage_directory.models.outlines import TerritoryOutline, TerritoryRing
from maillage_directory.models.places import Closure, Location, Schedule, ServiceAtLocation
from maillage_directory.models.reference import (
    TERRITORY_CLIMB,
    DataSource,
    Need,
    Program,
    ProgramCoverage,
    Territory,
    TerritoryMembership,
)
from maillage_directory.models.rotas import Rota, RotaTurn
from maillage_directory.models.search import OPEN_STATISTICS, ServiceSearch, TerritoryAbove
from maillage_directory.models.services import (
    ActionZone,
    CapacityReport,
    Service,
    ServiceCondition,
    ServiceLanguage,
    ServiceNeed,
    ServiceProgram,
    Verification,
)
from maillage_directory.models.upkeep import (
    Delegation,
    Duplicate,
    FeedReader,
    ProblemNote,
    Suggestion,
)

# Views, triggers and statistics belong to the schema that the models describe, though no class
# stands for them. Functions are in the migrations.
for _statement in (TERRITORY_CLIMB, OPEN_STATISTICS, *TRIGGERS):
    event.listen(SQLModel.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]

__all__ = [
    "AccessMode",
    "ActionType",
    "ActionZone",
    "ActorKind",
    "Audience",
    "CapacityReport",
    "CapacityStatus",
    "Card",
    "Change",
    "Closure",
    "Collection",
    "CollectionItem",
    "ConditionKind",
    "Confidence",
    "Contact",
    "Cost",
    "CoverageRole",
    "DataSource",
    "Delegation",
    "Diagnostic",
    "Duplicate",
    "DuplicateDecision",
    "Enquiry",
    "EnquiryOutcome",
    "EnquiryService",
    "EnquiryState",
    "Event",
    "EventAttendance",
    "EventKind",
    "FeedReader",
    "FieldChange",
    "Frequency",
    "HolidayRule",
    "ImportChunk",
    "ImportFinding",
    "ImportFormat",
    "ImportStage",
    "Known",
    "Location",
    "LocationType",
    "Need",
    "NoteCode",
    "Observation",
    "ObservationKind",
    "ObservationState",
    "ObservationTransition",
    "Organization",
    "OrganizationIdentifier",
    "Phone",
    "PhoneKind",
    "ProblemNote",
    "Program",
    "ProgramCoverage",
    "RecordImport",
    "RegisteredWebhook",
    "ResourceType",
    "Rota",
    "RotaTurn",
    "SavedSearch",
    "SavedSearchMatch",
    "Schedule",
    "Service",
    "ServiceAtLocation",
    "ServiceCondition",
    "ServiceLanguage",
    "ServiceNeed",
    "ServiceProgram",
    "ServiceSearch",
    "ServiceStatus",
    "SourceAbsence",
    "Suggestion",
    "SuggestionState",
    "Territory",
    "TerritoryAbove",
    "TerritoryKind",
    "TerritoryMembership",
    "TerritoryOutline",
    "TerritoryRing",
    "Tombstone",
    "Verification",
    "Visibility",
]
