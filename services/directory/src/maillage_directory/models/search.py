"""What searches read: derived rows, never edited.

`service_search` holds what a search filters and ranks by, one row a service; a page's services are
read from `card`. Whoever writes a service, its organization or the reference tables calls
`maillage_directory.projection` in the same transaction.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Double, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import DATEMULTIRANGE, INT4MULTIRANGE, REAL, TSVECTOR
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import small_number, text_array
from maillage_directory.models.kinds import CapacityStatus, ServiceStatus, Visibility


def _territory() -> Any:
    return Field(
        primary_key=True,
        sa_type=Text,
        sa_column_args=[ForeignKey("territory.code", ondelete="CASCADE")],
    )


class TerritoryAbove(SQLModel, table=True):
    """Every territory and all those above it today, itself included: the view `territory_climb`,
    kept, since climbing takes longer than a search may.
    """

    __tablename__ = "territory_above"

    code: str = _territory()
    above: str = _territory()
    is_certain: bool


class ServiceSearch(SQLModel, table=True):
    """Derived. What each array holds:

    `within`, `perhaps_within`: the codes of all territories above the places and action zones, by
    certain and by uncertain memberships. `latitudes[i]`, `longitudes[i]`: the places that may be
    told. `places`: what the index finds a service by for a territory or a point: the codes of
    `within` and `perhaps_within`, those of `zones` after a `+`, and a cell `@<row>/<column>` for
    each place told (see `search.places`), or `@` when none is and no zone is stated; each alone,
    and with each need of `needs` after a `|`. `languages` is `{?}` when none is
    known.

    `hours`, `holiday_hours`: the openings of plain weekly rules, on ordinary days and on public
    holidays, as `[weekday * 2880 + opening, weekday * 2880 + closing)`, Monday 0, minutes from
    midnight of the opening day. `rules`: the other rules and the turns of rotas, as objects with
    the members of a card's `turns`.
    `closed`: the days of its closures.
    """

    __tablename__ = "service_search"
    __table_args__ = (
        # One index: PostgreSQL walks the entries of all conditions together, rarest first, where
        # separate indexes would each be read whole.
        Index(
            "ix_service_search_found_by",
            "document",
            "needs",
            "places",
            "languages",
            postgresql_using="gin",
        ),
        Index(
            None,
            "typo_text",
            postgresql_using="gin",
            postgresql_ops={"typo_text": "gin_trgm_ops"},
        ),
        # Rows just above 2 kB would be compressed, and unpacked again for every rank.
        {"postgresql_with": {"toast_tuple_target": 8160}},
    )

    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    status: ServiceStatus = columns.enum_column(ServiceStatus, "status")
    visibility: Visibility = columns.enum_column(Visibility, "visibility")
    network: str | None = columns.plain_text(nullable=True)
    organization_visibility: Visibility = columns.enum_column(Visibility, "organization_visibility")
    organization_network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    is_demo: bool
    kind: str = columns.plain_text()
    needs: list[str] = text_array()
    programs: list[str] = text_array()
    access: list[str] = text_array()
    languages: list[str] = text_array()
    zones: list[str] = text_array()
    within: list[str] = text_array()
    perhaps_within: list[str] = text_array()
    places: list[str] = text_array()
    answers_yes: list[str] = text_array()
    answers_no: list[str] = text_array()
    age_min: int | None = small_number()
    age_max: int | None = small_number()
    latitudes: list[float] = Field(default_factory=list, nullable=False, sa_type=ARRAY(Double))
    longitudes: list[float] = Field(default_factory=list, nullable=False, sa_type=ARRAY(Double))
    is_remote: bool
    has_schedule: bool
    rules: Any = columns.jsonb(nullable=True)
    hours: Any = Field(sa_type=INT4MULTIRANGE, nullable=False)
    holiday_hours: Any = Field(sa_type=INT4MULTIRANGE, nullable=False)
    closed: Any = Field(sa_type=DATEMULTIRANGE, nullable=False)
    capacity_status: CapacityStatus | None = columns.enum_column(
        CapacityStatus, "capacity_status", nullable=True
    )
    capacity_valid_until: datetime | None = columns.instant()
    verified_at: datetime | None = columns.instant()
    quality: float | None = Field(default=None, sa_type=REAL)
    sort_name: str = columns.plain_text()
    typo_text: str = columns.plain_text()
    document: Any = Field(sa_type=TSVECTOR, nullable=False)


# How many services open in which half hour of a week, as estimates ask (`search.estimates`).
OPEN_STATISTICS = (
    "CREATE STATISTICS public.service_search_open ON (public.open_half_hours(hours))"
    " FROM public.service_search"
)
