"""Territories as editors send and readers see them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import TerritoryKind
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import (
    Code,
    Latitude,
    Line,
    Longitude,
    Name,
    both_or_no_degrees,
)
from maillage_directory.territories.outlines import Crs, InvalidOutline, declared_crs


class Dated(Payload):
    """Valid between two days, both included; without one, since or for ever."""

    valid_from: Day | None = None
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise PydanticCustomError("dates_out_of_order", "It ends on or after its first day")
        return self


class MembershipEntry(Dated):
    """Lies within `code`; `is_certain` false: perhaps, or in part."""

    code: Code
    is_certain: bool = True


class TerritoryContent(Dated):
    """`within`: the territories that hold it, each with its own dates."""

    kind: TerritoryKind
    name: Name
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    within: Annotated[list[MembershipEntry], Field(max_length=100)] = Field(default_factory=list)

    _both_or_none = model_validator(mode="after")(both_or_no_degrees)


class TerritoryPublic(Answer):
    code: str
    kind: TerritoryKind
    name: Texts
    label: str
    valid_from: date | None = None
    valid_to: date | None = None
    source: str | None = None
    latitude: float | None = Field(default=None, description="Approximate centre, WGS 84")
    longitude: float | None = None
    has_outline: bool = False


class Above(Answer):
    """A territory that holds this one; `is_certain` false: perhaps, or in part."""

    code: str
    kind: TerritoryKind
    label: str
    is_certain: bool


class Membership(Answer):
    """One direct membership, past and future ones too."""

    code: str
    label: str
    is_certain: bool
    valid_from: date | None
    valid_to: date | None


class TerritoryDetail(TerritoryPublic):
    """`within` is what holds it today, however far above; `memberships` what is written of it."""

    within: list[Above]
    memberships: list[Membership]


class TerritoriesPublic(Answer):
    items: list[TerritoryPublic]
    next_cursor: Literal[None] = None


class TerritoryParams(Payload):
    kind: TerritoryKind | None = None
    within: Code | None = Field(default=None, description="Those that certainly lie in this one")
    on: Day | None = Field(default=None, description="Those that exist on this day")
    q: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    has_outline: bool | None = None


class ResolveParams(Payload):
    """Where something is: a point, a statistical sector or a postcode, and only one of them."""

    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    statistical_sector: Code | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise PydanticCustomError(
                "incomplete_position", "Give lat and lon together", {"at": ("lat", "lon")}
            )
        given = [self.postcode, self.statistical_sector, self.lat]
        if sum(one is not None for one in given) != 1:
            raise PydanticCustomError(
                "one_place_needed",
                "Give a postcode, a statistical sector or a point, and only one of them",
                {"at": ("postcode", "statistical_sector", "lat", "lon")},
            )
        return self


class Resolved(Answer):
    """All territories that hold the place. `ambiguous`: of some kind there are several, so the
    place must be known better."""

    items: list[Above]
    ambiguous: bool
    ambiguous_kinds: list[TerritoryKind]


class NewOutline(Payload):
    """`geometry` is a GeoJSON Polygon or MultiPolygon in the reference system `crs`. The outline as
    it is read, a GeoJSON Feature, will do as well, and so will a geometry alone."""

    geometry: dict[str, Any]
    crs: Crs = "EPSG:4326"
    source: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_geojson(cls, told: Any) -> Any:
        if not isinstance(told, dict) or not ("coordinates" in told or told.get("type")):
            return told
        try:
            made: dict[str, Any] = {"geometry": told, "crs": declared_crs(told) or "EPSG:4326"}
        except InvalidOutline as fault:
            raise PydanticCustomError(fault.code, fault.detail) from None
        if told.get("type") == "Feature":
            properties = told.get("properties")
            source = properties.get("source") if isinstance(properties, dict) else None
            made |= {"geometry": told.get("geometry"), "source": source}
        return made


class NewOutlines(Payload):
    """A GeoJSON FeatureCollection as it was exported: other members are let through, and a `crs`
    member of before RFC 7946 is believed unless `reference_system` says otherwise.

    The feature's territory is named by its property `code_property`, or else by its `id`.
    """

    model_config = ConfigDict(extra="ignore")

    type: Literal["FeatureCollection"]
    features: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=2000)]
    crs: Any = None
    reference_system: Crs | None = None
    code_property: Line = "code"
    source: Line | None = None


class OutlineOutcome(Answer):
    """What became of one feature. A rejected one changed nothing."""

    feature: int
    territory: str | None
    outcome: Literal["imported", "rejected"]
    code: str | None = None
    detail: str | None = None


class OutlineOutcomes(Answer):
    imported: int
    rejected: int
    items: list[OutlineOutcome]
    next_cursor: Literal[None] = None


class OutlinePublic(Answer):
    """A GeoJSON Feature, WGS 84 (RFC 7946)."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class OutlineStored(Answer):
    """What was imported: a bounding box (west, south, east, north) to check it by."""

    territory: str
    bbox: Annotated[tuple[float, ...], Field(min_length=4, max_length=4)]
    polygons: int
    updated_at: datetime
