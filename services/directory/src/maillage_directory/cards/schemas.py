"""Services and what they share with organizations, as readers see them."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from maillage_common.schemas import Answer
from maillage_directory.models import PhoneKind
from maillage_directory.models.columns import Texts
from maillage_directory.records.parts import (
    AccessibilityEntry,
    CostEntry,
    DocumentEntry,
    LinkEntry,
)


class OrganizationBrief(Answer):
    id: UUID
    name: Texts
    kind: str


class AddressPublic(Answer):
    attention: str | None = None
    street_extra: Texts = Field(default_factory=dict)
    street: Texts = Field(default_factory=dict)
    postcode: str | None = None
    city: Texts = Field(default_factory=dict)
    country: str = "BE"
    commune_nis: str | None = None


class LocationPublic(Answer):
    """A confidential location is only its id. `precision` `commune`: the centre of the commune."""

    id: UUID
    confidential: bool
    location_type: str | None = None
    name: Texts = Field(default_factory=dict)
    alternate_name: Texts = Field(default_factory=dict)
    description: Texts = Field(default_factory=dict)
    at_location: Texts = Field(default_factory=dict)
    transportation: Texts = Field(default_factory=dict)
    url: str | None = None
    external_identifier: str | None = None
    external_identifier_type: str | None = None
    accessibility: list[AccessibilityEntry] = Field(default_factory=list)
    address: AddressPublic | None = None
    latitude: float | None = None
    longitude: float | None = None
    precision: Literal["address", "commune"] | None = None


class SchedulePublic(Answer):
    """HSDS `schedule`; times are Brussels wall-clock, `closes_at` before `opens_at` is next day."""

    freq: str
    interval: int
    byday: str | None = None
    bymonthday: str | None = None
    opens_at: str
    closes_at: str
    timezone: str
    dtstart: date | None = None
    until: date | None = None
    count: int | None = None
    wkst: str = "MO"
    valid_from: date | None = None
    valid_to: date | None = None
    on_holidays: str
    description: Texts = Field(default_factory=dict)
    attending_type: str | None = None
    schedule_link: str | None = None


class CapacityPublic(Answer):
    """Whether someone can be taken now. `unknown` when never told or no longer valid: then
    `last_known` is what was told last."""

    status: str
    places: int | None = None
    unit: str | None = None
    waiting_days: int | None = None
    observed_at: datetime | None = None
    valid_until: datetime | None = None
    confidence: str | None = None
    source: str | None = None
    last_known: dict[str, Any] | None = None


class Provenance(Answer):
    source: str
    external_id: str | None = None
    source_date: date | None = None
    licence: str | None = None


class ToFix(Answer):
    code: str
    fields: list[str]
    text: Texts


class QualityPublic(Answer):
    """From 0 to 1, and what would raise it, the worst first."""

    score: float
    to_fix: list[ToFix]


class PhonePublic(Answer):
    """HSDS `phone`; `number` is E.164, or a short number."""

    number: str
    extension: str | None = None
    kind: PhoneKind
    description: Texts


class RecordPublic(BaseModel):
    """What services and organizations have in common. Members that are hidden from the caller are
    left out, and so are most of those without a value."""

    id: UUID
    name: Texts
    label: str = Field(description="The name in the caller's language, or the nearest to it")
    alternate_name: Texts = Field(default_factory=dict)
    description: Texts
    easy_read: Texts = Field(default_factory=dict)
    text_origins: dict[str, dict[str, dict[str, str]]]
    kind: str
    phones: list[PhonePublic]
    contacts: list[dict[str, Any]]
    email: str | None = None
    url: str | None = None
    additional_urls: list[LinkEntry] = Field(default_factory=list)
    funding: list[Texts] = Field(default_factory=list)
    visibility: str
    network: str | None = None
    provenance: Provenance
    version: int
    updated_at: datetime


class ServicePublic(RecordPublic):
    organization: OrganizationBrief
    status: str
    needs: list[str]
    languages: list[str]
    language_notes: dict[str, Texts] = Field(default_factory=dict)
    interpreter: bool
    interpretation: Texts = Field(default_factory=dict)
    access: list[str]
    conditions: dict[str, str]
    eligibility: Texts = Field(default_factory=dict)
    age_min: int | None = None
    age_max: int | None = None
    cost: str
    cost_options: list[CostEntry] = Field(default_factory=list)
    fees: Texts = Field(default_factory=dict)
    application_process: Texts = Field(default_factory=dict)
    required_documents: list[DocumentEntry] = Field(default_factory=list)
    accreditations: Texts = Field(default_factory=dict)
    alert: Texts = Field(default_factory=dict)
    assured_on: date | None = None
    assurer_email: str | None = None
    agreed_on: date | None = None
    accessible: str
    schedules: list[SchedulePublic]
    closures: list[dict[str, Any]]
    open_until: datetime | None = Field(
        default=None, description="When it closes, if it is open now; computed for this answer"
    )
    locations: list[LocationPublic]
    action_zones: list[str]
    programs: list[str]
    capacity: CapacityPublic
    quality: QualityPublic | None = Field(
        default=None, description="How well it is described; for professionals"
    )
    verified_at: datetime | None = None
