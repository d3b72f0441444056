"""The search projection: one row a service, derived from the other tables and never edited.

It holds what a search filters and ranks by; a page's services are read from `card`. Whoever writes
a service, its organization or the reference tables calls `maillage_directory.projection.refresh` in
the same transaction.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Double, Index
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import small_number, text_array
from maillage_directory.models.kinds import CapacityStatus, ServiceStatus, Visibility

# unaccent is not IMMUTABLE in PostgreSQL's eyes, a text search configuration is: so folding accents
# is part of these configurations (see database_objects.py), and the columns can be generated.
_WEIGHTS = (("name", "A"), ("need", "B"), ("organization", "C"), ("description", "D"))


def _document(language: str, configuration: str) -> str:
    parts = [
        f"setweight(to_tsvector('public.{configuration}'::regconfig,"
        f" COALESCE((words ->> '{field}_{language}'::text), ''::text)), '{weight}'::\"char\")"
        for field, weight in _WEIGHTS
    ]
    return f"((({parts[0]} || {parts[1]}) || {parts[2]}) || {parts[3]})"


def _coordinates() -> Any:
    return Field(
        default_factory=list,
        nullable=False,
        sa_type=ARRAY(Double),
    )


class ServiceSearch(SQLModel, table=True):
    """Derived. `within` and `perhaps_within` are the codes of all territories above the places and
    action zones, by certain and by uncertain memberships. `words` are the texts to index by
    `<field>_<fr|nl|any>`. `latitudes[i]`, `longitudes[i]` are the places that may be told.
    """

    __tablename__ = "service_search"
    __table_args__ = (
        Index(None, "needs", postgresql_using="gin"),
        Index(None, "document_fr", postgresql_using="gin"),
        Index(None, "document_nl", postgresql_using="gin"),
        Index(None, "document_any", postgresql_using="gin"),
        Index(
            None,
            "typo_text",
            postgresql_using="gin",
            postgresql_ops={"typo_text": "gin_trgm_ops"},
        ),
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
    answers_yes: list[str] = text_array()
    answers_no: list[str] = text_array()
    age_min: int | None = small_number()
    age_max: int | None = small_number()
    latitudes: list[float] = _coordinates()
    longitudes: list[float] = _coordinates()
    is_remote: bool
    has_schedule: bool
    capacity_status: CapacityStatus | None = columns.enum_column(
        CapacityStatus, "capacity_status", nullable=True
    )
    capacity_valid_until: datetime | None = columns.instant()
    verified_at: datetime | None = columns.instant()
    sort_name: str = columns.plain_text()
    words: dict[str, str] = columns.jsonb()
    typo_text: str = columns.plain_text()
    document_fr: str | None = columns.search_vector(_document("fr", "directory_french"))
    document_nl: str | None = columns.search_vector(_document("nl", "directory_dutch"))
    document_any: str | None = columns.search_vector(_document("any", "directory_simple"))
