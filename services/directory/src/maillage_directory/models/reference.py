"""Reference tables: sources, needs, territories and programs. Codes are their keys."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import Texts, day, text_array, texts, texts_or_empty
from maillage_directory.models.kinds import CoverageRole, TerritoryKind


class DataSource(SQLModel, table=True):
    """Where records come from, and on what terms they may be used."""

    __tablename__ = "data_source"

    code: str = columns.plain_text(primary_key=True)
    title: str = columns.plain_text()
    period: str | None = columns.plain_text(nullable=True)
    source_on: date | None = day()
    licence: str | None = columns.plain_text(nullable=True)
    is_verified: bool = Field(default=False, nullable=False)


class Need(SQLModel, table=True):
    """A term of the taxonomy of needs; a tree of two or three levels.

    `keywords` are everyday words that find it ("dentiste"), by language, separated by `; `.
    """

    __tablename__ = "need"

    code: str = columns.plain_text(primary_key=True)
    parent_code: str | None = columns.foreign_key("need.code", nullable=True)
    name: Texts = texts()
    keywords: Texts = texts_or_empty()
    pictogram: str | None = columns.plain_text(nullable=True)
    is_sensitive: bool = Field(default=False, nullable=False)
    exact_match: list[str] = text_array()


class Territory(SQLModel, table=True):
    """A named area. Being inside another one is told by `TerritoryMembership`, never by a key.

    `latitude` and `longitude` are an approximate centre, WGS 84.
    """

    __tablename__ = "territory"

    code: str = columns.plain_text(primary_key=True)
    kind: TerritoryKind = columns.enum_column(TerritoryKind, "kind", index=True)
    name: Texts = texts()
    valid_from: date | None = day()
    valid_to: date | None = day()
    source: str | None = columns.plain_text(nullable=True)
    latitude: float | None = None
    longitude: float | None = None


class TerritoryMembership(SQLModel, table=True):
    """`territory` lies within `within`, wholly or (not `is_certain`) perhaps or in part."""

    __tablename__ = "territory_membership"
    __table_args__ = (
        UniqueConstraint(
            "territory_code", "within_code", "valid_from", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("territory_code <> within_code", name="not_itself"),
    )

    id: UUID = columns.uuid_pk()
    territory_code: str = columns.foreign_key("territory.code", ondelete="CASCADE", index=False)
    within_code: str = columns.foreign_key("territory.code", ondelete="CASCADE")
    valid_from: date | None = day()
    valid_to: date | None = day()
    is_certain: bool = Field(default=True, nullable=False)
    source: str | None = columns.plain_text(nullable=True)


class Program(SQLModel, table=True):
    """A programme of outreach (RAQ, CHW, CPPS, CeS, CLSS …)."""

    __tablename__ = "program"

    code: str = columns.plain_text(primary_key=True)
    name: Texts = texts()
    area: Texts = texts()
    coordinator: str | None = columns.plain_text(nullable=True)
    funder: str | None = columns.plain_text(nullable=True)
    level: str | None = columns.plain_text(nullable=True)
    worker_count: int | None = None
    url: str | None = columns.plain_text(nullable=True)
    source: str | None = columns.plain_text(nullable=True)
    source_on: date | None = day()


class ProgramCoverage(SQLModel, table=True):
    """An organization covers a territory for a program, for a time."""

    __tablename__ = "program_coverage"
    __table_args__ = (
        UniqueConstraint(
            "program_code",
            "organization_id",
            "territory_code",
            "role",
            "valid_from",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("valid_to IS NULL OR valid_from <= valid_to", name="in_order"),
        Index(None, "organization_id", "program_code"),
    )

    id: UUID = columns.uuid_pk()
    program_code: str = columns.foreign_key("program.code", ondelete="CASCADE", index=False)
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE", index=False)
    territory_code: str = columns.foreign_key("territory.code")
    role: CoverageRole = columns.enum_column(CoverageRole, "role")
    valid_from: date | None = day()
    valid_to: date | None = day()
    source: str | None = columns.plain_text(nullable=True)


# Every territory and all those above it, itself included. Uncertain ones are dropped when a certain
# one settles their kind (1020 lies in the basin Nord, though its commune lies in several), and when
# the territory has memberships of that kind of its own (1000 names its basins: what its commune may
# lie in says nothing more). The table `territory_above` keeps its rows.
TERRITORY_CLIMB = """
CREATE VIEW public.territory_climb AS
WITH RECURSIVE climb(code, above, is_certain) AS (
    SELECT t.code, t.code, true FROM public.territory t
    UNION
    SELECT c.code, m.within_code::text, c.is_certain AND m.is_certain
    FROM climb c
    JOIN public.territory_membership m ON m.territory_code::text = c.above
    WHERE (m.valid_from IS NULL OR m.valid_from <= public.today_in_brussels())
        AND (m.valid_to IS NULL OR m.valid_to >= public.today_in_brussels())
), best AS (
    SELECT c.code, c.above, t.kind, bool_or(c.is_certain) AS is_certain,
        EXISTS (
            SELECT FROM public.territory_membership o
            WHERE o.territory_code::text = c.code AND o.within_code::text = c.above
        ) AS is_own
    FROM climb c
    JOIN public.territory t ON t.code = c.above
    GROUP BY c.code, c.above, t.kind
)
SELECT b.code, b.above, b.is_certain
FROM best b
WHERE b.is_certain OR NOT EXISTS (
    SELECT FROM best s
    WHERE s.code = b.code AND s.kind = b.kind AND (s.is_certain OR s.is_own AND NOT b.is_own)
)
"""
