"""Where territories lie on the map."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from maillage_common import columns


class PolygonType(UserDefinedType[str]):
    """PostgreSQL's own `polygon`, in its text form `((x,y),…)`; x is the longitude."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "polygon"


class TerritoryOutline(SQLModel, table=True):
    """The outline as it is given back: a GeoJSON MultiPolygon, WGS 84 (EPSG:4326)."""

    __tablename__ = "territory_outline"

    territory_code: str = columns.foreign_key(
        "territory.code", ondelete="CASCADE", primary_key=True
    )
    geometry: dict[str, Any] = columns.jsonb()
    source: str | None = columns.plain_text(nullable=True)
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class TerritoryRing(SQLModel, table=True):
    """One ring of an outline, to look up which territories hold a point: those of which an odd
    number of rings does, since the rings of a valid outline never cross."""

    __tablename__ = "territory_ring"
    __table_args__ = (Index(None, "ring", postgresql_using="gist"),)

    id: UUID = columns.uuid_pk()
    territory_code: str = columns.foreign_key(
        "territory_outline.territory_code", ondelete="CASCADE"
    )
    ring: str = Field(nullable=False, sa_type=PolygonType)
