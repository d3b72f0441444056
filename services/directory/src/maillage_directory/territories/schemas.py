"""Territories as readers see them."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import TerritoryKind
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import Code


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


class Above(Answer):
    """A territory that holds this one; `is_certain` false: perhaps, or in part."""

    code: str
    kind: TerritoryKind
    label: str
    is_certain: bool


class TerritoryDetail(TerritoryPublic):
    within: list[Above]


class TerritoriesPublic(Answer):
    items: list[TerritoryPublic]
    next_cursor: Literal[None] = None


class TerritoryParams(Payload):
    kind: TerritoryKind | None = None


class ResolveParams(Payload):
    """Where something is: exactly one of the two."""

    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    statistical_sector: Code | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.postcode is None) == (self.statistical_sector is None):
            raise PydanticCustomError(
                "one_place_needed", "Give a postcode or a statistical sector, and only one of them"
            )
        return self


class Resolved(Answer):
    """All territories that hold the place. `ambiguous`: of some kind there are several, so the
    place must be known better."""

    items: list[Above]
    ambiguous: bool
    ambiguous_kinds: list[TerritoryKind]
