"""All tables of the directory."""

from sqlalchemy import DDL, event
from sqlmodel import SQLModel

import maillage_common.columns  # noqa: F401  sets the naming convention before the first table
from maillage_directory.database_objects import TERRITORY_ABOVE
from maillage_directory.models.cards import Card
from maillage_directory.models.enquiries import Enquiry, EnquiryService
from maillage_directory.models.events import Event, EventAttendance
from maillage_directory.models.kinds import (
    AccessMode,
    ActorKind,
    CapacityStatus,
    ConditionKind,
    Audience,
    Confidence,
    Cost,
    CoverageRole,
    Frequency,
    HolidayRule,
    EnquiryOutcome,
    EnquiryState,
    EventKind,
    Known,
    LocationType,
    ObservationKind,
    ObservationState,
    PhoneKind,
    ResourceType,
    ServiceStatus,
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
from maillage_directory.models.places import Closure, Location, Schedule, ServiceAtLocation
from maillage_directory.models.reference import (
from maillage_directory.models.outlines import TerritoryOutline, TerritoryRing
    DataSource,
    Need,
    Program,
    ProgramCoverage,
    Territory,
    TerritoryMembership,
)
from maillage_directory.models.search import ServiceSearch
from maillage_directory.models.services import (
from maillage_directory.models.rotas import Rota, RotaTurn
    ActionZone,
    CapacityReport,
    Service,
    ServiceCondition,
    ServiceLanguage,
    ServiceNeed,
    ServiceProgram,
    Verification,
)

# A view belongs to the schema that the models describe, though no class stands for it.
event.listen(SQLModel.metadata, "after_create", DDL(TERRITORY_ABOVE))  # type: ignore[no-untyped-call]

__all__ = [
    "AccessMode",
    "ActionZone",
    "ActorKind",
    "CapacityReport",
    "CapacityStatus",
    "Card",
    "Closure",
    "ConditionKind",
    "Audience",
    "Confidence",
    "Contact",
    "Cost",
    "CoverageRole",
    "DataSource",
    "Collection",
    "CollectionItem",
    "Frequency",
    "HolidayRule",
    "Known",
    "Location",
    "LocationType",
    "Need",
    "Diagnostic",
    "Enquiry",
    "EnquiryOutcome",
    "EnquiryService",
    "EnquiryState",
    "Event",
    "EventAttendance",
    "EventKind",
    "Observation",
    "ObservationKind",
    "ObservationState",
    "Organization",
    "OrganizationIdentifier",
    "Phone",
    "PhoneKind",
    "Program",
    "ProgramCoverage",
    "ResourceType",
    "ObservationTransition",
    "Schedule",
    "Service",
    "ServiceAtLocation",
    "ServiceCondition",
    "ServiceLanguage",
    "ServiceNeed",
    "ServiceProgram",
    "Rota",
    "RotaTurn",
    "ServiceSearch",
    "ServiceStatus",
    "Territory",
    "TerritoryKind",
    "TerritoryMembership",
    "Verification",
    "Visibility",
]
    "TerritoryOutline",
    "TerritoryRing",
