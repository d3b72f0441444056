"""A service as readers see it."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from maillage_common.schemas import Answer
from maillage_directory.models.columns import Texts


class OrganizationBrief(Answer):
    id: UUID
    name: Texts
    kind: str


class AddressPublic(Answer):
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
    last_known: dict[str, Any] | None = None


class Provenance(Answer):
    source: str
    external_id: str | None = None
    source_date: date | None = None
    licence: str | None = None


class ServicePublic(BaseModel):
    id: UUID
    organization: OrganizationBrief
    name: Texts
    label: str = Field(description="The name in the caller's language, or the nearest to it")
    description: Texts
    text_origins: dict[str, dict[str, dict[str, str]]]
    status: str
    kind: str
    needs: list[str]
    languages: list[str]
    interpreter: bool
    access: list[str]
    conditions: dict[str, str]
    age_min: int | None = None
    age_max: int | None = None
    cost: str
    accessible: str
    schedules: list[SchedulePublic]
    closures: list[dict[str, Any]]
    open_until: datetime | None = Field(
        default=None, description="When it closes, if it is open now; computed for this answer"
    )
    locations: list[LocationPublic]
    phones: list[str]
    contacts: list[dict[str, Any]]
    email: str | None = None
    url: str | None = None
    action_zones: list[str]
    programs: list[str]
    visibility: str
    network: str | None = None
    capacity: CapacityPublic
    verified_at: datetime | None = None
    provenance: Provenance
    version: int
    updated_at: datetime
