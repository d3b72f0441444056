"""The directory's records: what is loaded, one JSON object a line, and what editors send.

The API's `POST` and `PATCH` bodies are these records without `type`, `id` and provenance.
"""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common import dates
from maillage_common.dates import Day, Instant
from maillage_common.schemas import Payload
from maillage_directory.models import (
    AccessMode,
    ActorKind,
    ConditionKind,
    Cost,
    CoverageRole,
    Known,
    ObservationKind,
    ObservationState,
    ServiceStatus,
    Visibility,
)
from maillage_directory.records.fields import (
    Code,
    Codes,
    EmailAddress,
    LanguageCode,
    Line,
    Name,
    TextLanguage,
    WebAddress,
    Words,
    network_is_named,
)
from maillage_directory.records.parts import (
    CapacityEntry,
    ClosureEntry,
    ContactEntry,
    CostEntry,
    DocumentEntry,
    Identifier,
    LinkEntry,
    LocationEntry,
    Phones,
    ScheduleEntry,
    TextOrigin,
)

Age = Annotated[int, Field(ge=0, le=130)]

# Fields that may be hidden on their own. None of them is searched: what a filter or a word finds
# would tell what its field hides.
HidableField = Literal["email", "url", "additional_urls", "application_process", "alert", "funding"]


class Seen(Payload):
    """What organizations and services share: words, visibility, ways to reach them.

    `field_visibility` hides single fields from those who see the record; phones and contacts carry
    their own. `agreed_on`: when an informal network or a person agreed to be listed in public.
    """

    name: Name
    kind: ActorKind | None = None
    alternate_name: Words = Field(default_factory=dict)
    description: Words = Field(default_factory=dict)
    easy_read: Words = Field(
        default_factory=dict, description="The description in easy language (FALC, Klare Taal)"
    )
    text_origins: dict[
        Literal["name", "description", "easy_read"], dict[TextLanguage, TextOrigin]
    ] = Field(default_factory=dict)
    phones: Phones = Field(default_factory=list)
    contacts: Annotated[list[ContactEntry], Field(max_length=20)] = Field(default_factory=list)
    email: EmailAddress | None = None
    url: WebAddress | None = None
    additional_urls: Annotated[list[LinkEntry], Field(max_length=20)] = Field(default_factory=list)
    funding: Annotated[list[Words], Field(max_length=20)] = Field(default_factory=list)
    visibility: Visibility = Visibility.PUBLIC
    network: Code | None = None
    field_visibility: dict[HidableField, Literal[Visibility.PROFESSIONAL, Visibility.OWN]] = Field(
        default_factory=dict
    )
    agreed_on: Day | None = None

    @model_validator(mode="after")
    def _informal_ones_agree(self) -> Self:
        if self.kind == ActorKind.INFORMAL_NETWORK and self.visibility == Visibility.PUBLIC:
            today = dates.today()
            if self.agreed_on is None or self.agreed_on > today:
                raise PydanticCustomError(
                    "listing_not_agreed",
                    "An informal network is public only with its agreement: say when in agreed_on",
                )
        return self

    _network_is_named = model_validator(mode="after")(network_is_named)


class Sourced(Payload):
    """Provenance of a loaded record."""

    id: UUID
    source: Code
    source_date: Day | None = None
    external_id: Line | None = None
    licence: Line | None = None


class OrganizationContent(Seen):
    kind: ActorKind
    identifiers: Annotated[list[Identifier], Field(max_length=20)] = Field(default_factory=list)
    parent: UUID | None = None
    logo: WebAddress | None = None
    uri: WebAddress | None = None
    year_incorporated: Annotated[int, Field(ge=1000, le=2200)] | None = None
    legal_status: Line | None = None


class OrganizationRecord(Sourced, OrganizationContent):
    type: Literal["organization"]


class ServiceContent(Seen):
    """`language_notes` tells more of a language ("by appointment"), by ISO 639 code."""

    organization: UUID
    status: ServiceStatus = ServiceStatus.ACTIVE
    needs: Codes = Field(default_factory=list)
    languages: Annotated[list[LanguageCode], Field(max_length=60)] = Field(default_factory=list)
    language_notes: dict[LanguageCode, Words] = Field(default_factory=dict)
    interpreter: bool = False
    interpretation: Words = Field(default_factory=dict)
    access: list[AccessMode] = Field(default_factory=list)
    conditions: dict[ConditionKind, Known] = Field(default_factory=dict)
    eligibility: Words = Field(default_factory=dict)
    age_min: Age | None = None
    age_max: Age | None = None
    cost: Cost = Cost.UNKNOWN
    cost_options: Annotated[list[CostEntry], Field(max_length=20)] = Field(default_factory=list)
    fees: Words = Field(default_factory=dict)
    application_process: Words = Field(default_factory=dict)
    required_documents: Annotated[list[DocumentEntry], Field(max_length=20)] = Field(
        default_factory=list
    )
    accreditations: Words = Field(default_factory=dict)
    alert: Words = Field(default_factory=dict)
    assured_on: Day | None = None
    assurer_email: EmailAddress | None = None
    accessible: Known = Known.UNKNOWN
    schedules: Annotated[list[ScheduleEntry], Field(max_length=60)] = Field(default_factory=list)
    closures: Annotated[list[ClosureEntry], Field(max_length=60)] = Field(default_factory=list)
    locations: Annotated[list[LocationEntry], Field(max_length=20)] = Field(default_factory=list)
    action_zones: Codes = Field(default_factory=list)
    programs: Codes = Field(default_factory=list)

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.age_min is not None and self.age_max is not None and self.age_min > self.age_max:
            raise PydanticCustomError("ages_out_of_order", "age_min is at most age_max")
        return self

    @model_validator(mode="after")
    def _notes_of_spoken_languages(self) -> Self:
        if not self.language_notes.keys() <= set(self.languages):
            raise PydanticCustomError(
                "note_without_language", "language_notes holds languages that languages names"
            )
        return self

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        ids = {place.id for place in self.locations}
        if len(ids) < len(self.locations) or (len(ids) > 1 and None in ids):
            raise PydanticCustomError(
                "places_alike", "Give each of several locations an id of its own"
            )
        return self


class ServiceRecord(Sourced, ServiceContent):
    type: Literal["service"]
    capacity: CapacityEntry | None = None
    verified_at: Instant | None = None


class ObservationContent(Payload):
    """A gap or an obstacle. Nothing in it tells of a person or of a mutuality."""

    kind: ObservationKind
    obstacle: Code | None = None
    need: Code | None = None
    territory: Code | None = None
    program: Code | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    note: Words = Field(default_factory=dict)
    recommendation: Words = Field(default_factory=dict)
    observed_on: Day | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.need is None and self.obstacle is None and not self.note:
            raise PydanticCustomError(
                "observation_empty", "Name the need or the obstacle, or write a note"
            )
        return self


class ObservationRecord(ObservationContent, Sourced):
    type: Literal["observation"]
    state: ObservationState = ObservationState.NOTED
    visibility: Literal[Visibility.PUBLIC, Visibility.PROFESSIONAL] = Visibility.PROFESSIONAL


class CoverageRecord(Payload):
    """An organization covers a territory for a program."""

    type: Literal["coverage"]
    program: Code
    organization: UUID
    territory: Code
    role: CoverageRole = CoverageRole.WORKER
    valid_from: Day | None = None
    valid_to: Day | None = None
    source: Code | None = None


Record = Annotated[
    OrganizationRecord | ServiceRecord | ObservationRecord | CoverageRecord,
    Field(discriminator="type"),
]
