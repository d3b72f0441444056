"""What a search asks and answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from maillage_common.dates import Instant
from maillage_common.schemas import Payload
from maillage_directory.cards.schemas import ServicePublic
from maillage_directory.models import AccessMode, ActorKind, CapacityStatus
from maillage_directory.records.fields import Code, LanguageCode


class Sort(StrEnum):
    RELEVANCE = "relevance"
    DISTANCE = "distance"
    NAME = "name"
    FRESHNESS = "freshness"


class Facet(StrEnum):
    """What the services found can be counted by."""

    NEED = "need"
    TERRITORY = "territory"
    SPOKEN = "spoken"
    ACCESS = "access"
    KIND = "kind"
    PROGRAM = "program"
    CAPACITY = "capacity"
    COST = "cost"
    ACCESSIBLE = "accessible"
    CONDITION = "condition"


class ForStatus(StrEnum):
    UNDOCUMENTED = "undocumented"
    ASYLUM = "asylum"
    TEMPORARY_PROTECTION = "temporary_protection"
    NO_PAPERS_NEEDED = "no_papers_needed"
    REFERENCE_ADDRESS = "reference_address"
    ABOVE_THRESHOLD = "above_threshold"
    ANONYMOUS_WELCOME = "anonymous_welcome"
    FAMILIES = "families"


class ForInsurance(StrEnum):
    INSURED = "insured"
    BIM = "bim"
    AMU = "amu"
    NO_INSURANCE = "no_insurance"


class ForGender(StrEnum):
    MEN = "men"
    WOMEN = "women"


def _listed(value: Any) -> Any:
    """One value stands for a list of one, in a body as in a query."""
    return [value] if isinstance(value, str | int | datetime) else value


def _position(value: str) -> str:
    latitude, comma, longitude = value.partition(",")
    try:
        point = (float(latitude), float(longitude)) if comma else None
    except ValueError:
        point = None
    if point is None:
        raise PydanticCustomError(
            "incomplete_position", "Give latitude and longitude, as 50.8466,4.3528"
        )
    if not (-90 <= point[0] <= 90 and -180 <= point[1] <= 180):
        raise PydanticCustomError("impossible_position", "There is no such place on Earth")
    return value


def _moment(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """In a query string a `+` is a space, so `…T10:00:00 01:00` is taken for what was meant."""
    if isinstance(value, str) and "T" in value:
        value = value.strip().replace(" ", "+")
    try:
        return read(value)
    except ValidationError:
        raise PydanticCustomError(
            "unreadable_instant",
            "Give now, or an instant from 1900 to 2199 with its offset,"
            " such as 2026-11-30T10:00:00+01:00",
        ) from None


def _insurance(value: Any) -> Any:
    return ForInsurance.NO_INSURANCE if value == "none" else value


def _parted(value: Any) -> Any:
    """`need,kind` stands for two, as it must in a list of one that a query gives."""
    listed = _listed(value)
    if not isinstance(listed, list):
        return listed
    return [part for one in listed for part in (one.split(",") if isinstance(one, str) else [one])]


Many = BeforeValidator(_listed)
OpenAt = Annotated[Literal["now"] | Instant, WrapValidator(_moment)]
Insurance = Annotated[ForInsurance, BeforeValidator(_insurance)]
_FEW = Field(max_length=30)


class SearchParams(Payload):
    """Who does what, where, for whom. Nothing in it tells who asks, or for which person.

    Filters AND. `need`, `territory`, `access`, `program`, `kind`, `source`, `spoken`, `open_at` and
    `capacity` take any of their values; `for_*` take all of them.
    """

    q: Annotated[str, Field(max_length=200)] | None = None
    need: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    territory: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    near: Annotated[str, Field(max_length=60), AfterValidator(_position)] | None = Field(
        default=None, description="latitude,longitude (WGS 84), e.g. 50.8466,4.3528"
    )
    radius_m: Annotated[int, Field(ge=1, le=100_000)] | None = None
    spoken: Annotated[list[LanguageCode], Many, _FEW] = Field(default_factory=list)
    open_at: Annotated[list[OpenAt], Many, Field(max_length=5)] = Field(default_factory=list)
    for_age: Annotated[list[Annotated[int, Field(ge=0, le=130)]], Many, _FEW] = Field(
        default_factory=list
    )
    for_gender: Annotated[list[ForGender], Many, _FEW] = Field(default_factory=list)
    for_status: Annotated[list[ForStatus], Many, _FEW] = Field(default_factory=list)
    for_insurance: Annotated[list[Insurance], Many, _FEW] = Field(
        default_factory=list, description="`none` is read as `no_insurance`"
    )
    access: Annotated[list[AccessMode], Many, _FEW] = Field(default_factory=list)
    cost: Literal["free"] | None = None
    accessible: bool | None = None
    capacity: Annotated[list[CapacityStatus], Many, _FEW] = Field(default_factory=list)
    program: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    kind: Annotated[list[ActorKind], Many, _FEW] = Field(default_factory=list)
    source: Annotated[list[Code], Many, _FEW] = Field(default_factory=list)
    verified_since: Instant | None = None
    quality_min: Annotated[float, Field(ge=0, le=1)] | None = None
    certain_only: bool = False
    facets: Annotated[list[Facet], BeforeValidator(_parted), Field(max_length=10)] = Field(
        default_factory=list,
        description="Count the services found by these: repeat it, or separate them by commas",
    )
    sort: Sort = Sort.RELEVANCE
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _from_somewhere(self) -> Self:
        measured = self.radius_m is not None or self.sort == Sort.DISTANCE
        if measured and self.near is None:
            raise PydanticCustomError(
                "near_missing",
                "radius_m and sort=distance are measured from near: give it",
                {"at": ("near",)},
            )
        return self

    @property
    def point(self) -> tuple[float, float] | None:
        if self.near is None:
            return None
        latitude, _, longitude = self.near.partition(",")
        return float(latitude), float(longitude)


class Match(BaseModel):
    """Why this service is in the answer, in the caller's language."""

    score: float = Field(description="0 to 1, comparable within one answer")
    reasons: list[str]
    uncertain: list[str]


class FoundService(ServicePublic):
    match: Match
    distance_m: int | None = Field(
        default=None, description="Metres as the crow flies; absent without `near` or without place"
    )
    outside: bool = Field(description="Serves none of the territories asked for")
    is_saturated: bool
    alternatives: list[str] = Field(
        description="Ids of services for the same needs that are not saturated (public layer)"
    )


class SearchPage(BaseModel):
    """`unknown` counts, per filter, the services left out only because it is not known of them.

    Counts stop being exact where thousands of services lie farther away than those of the page;
    asking for `facets` makes all of them exact.
    """

    items: list[FoundService]
    next_cursor: str | None
    total: int = Field(
        description="Services that fit; when `total_is_exact` is false, at least so many"
    )
    total_is_exact: bool
    unknown: dict[str, int]
    facets: dict[str, dict[str, int]] | None = Field(
        default=None,
        description="Per facet asked for and per code: how many of the services found. `territory`:"
        " those that surely are in it or state a zone in it; the filter also finds those that may,"
        " and those that serve something that holds it",
    )
    searched_at: datetime = Field(description="What `now` means on all pages of this search")
