"""Parameters of the HSDS read API, in HSDS's spelling."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.dates import BEGINNING, END
from maillage_common.schemas import Answer, Payload

# `minimal` is meant to give everything on one page.
ALL_MINIMAL = 100_000
ORDINARY = 50


def _in_utc(moment: datetime) -> datetime:
    """HSDS asks for no offset; without one it is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not BEGINNING <= aware < END:
        raise PydanticCustomError("out_of_range", "An instant from 1900 to 2199")
    return aware


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class PageParams(Payload):
    """`format=ndjson` streams every item and ignores the paging."""

    search: Words | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    per_page: Annotated[int, Field(ge=1, le=ALL_MINIMAL)] | None = None
    format: Literal["json", "ndjson"] = "json"

    @property
    def size(self) -> int:
        return self.per_page or ORDINARY


class TermFilters(PageParams):
    taxonomy_term_id: UUID | None = Field(
        default=None, description="A need; its descendants match too"
    )
    taxonomy_id: UUID | None = None


class FullItems(PageParams):
    full: bool = False

    @model_validator(mode="after")
    def _bounded(self) -> "FullItems":
        if (self.per_page or 0) > 1000 and not getattr(self, "minimal", False):
            raise PydanticCustomError(
                "less_than_equal", "A page has at most 1000 items", {"at": ("per_page",)}
            )
        return self


class OrganizationFilters(FullItems, TermFilters):
    full_service: bool = False


class RecordFilters(FullItems, TermFilters):
    organization_id: UUID | None = None
    modified_after: Moment | None = None


class ServiceFilters(RecordFilters):
    minimal: bool = Field(default=False, description="Only id and last_modified, all on one page")

    @property
    def size(self) -> int:
        return self.per_page or (ALL_MINIMAL if self.minimal else ORDINARY)


class PlaceFilters(RecordFilters):
    postcode: Annotated[str, Field(pattern=r"^\d{4}$")] | None = None
    proximity: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Metres from the centre of `postcode`"
    )

    @model_validator(mode="after")
    def _from_somewhere(self) -> "PlaceFilters":
        if self.proximity is not None and self.postcode is None:
            raise PydanticCustomError(
                "missing", "proximity is measured from a postcode", {"at": ("postcode",)}
            )
        return self


class TermParams(PageParams):
    taxonomy_id: UUID | None = None
    top_only: bool = Field(default=False, description="Only terms without a parent")
    parent_id: UUID | None = None


class HsdsPage(Answer):
    """HSDS's envelope: what `total_items` counts may grow between two pages."""

    total_items: int
    total_pages: int
    page_number: int
    size: int = Field(description="Items on this page")
    first_page: bool
    last_page: bool
    empty: bool
    contents: list[dict[str, object]]


class ApiInformation(Answer):
    version: str
    profile: str
    openapi_url: str
