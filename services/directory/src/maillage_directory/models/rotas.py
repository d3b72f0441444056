"""Duty rotas: which service of a group is on duty when, as pharmacies take turns."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    small_number,
    text_array,
    texts,
    texts_or_empty,
)
from maillage_directory.models.kinds import Frequency, HolidayRule


class Rota(SQLModel, table=True):
    """It has no visibility of its own: it is seen through the services that take its turns."""

    __tablename__ = "rota"

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    name: Texts = texts()
    description: Texts = texts_or_empty()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class RotaTurn(SQLModel, table=True):
    """`service` is on duty, so open, by this rule: columns and meaning as those of `Schedule`.

    A turn on one day has `starts_on = ends_on`. Turns run on public holidays unless they say not.
    """

    __tablename__ = "rota_turn"
    __table_args__ = (
        CheckConstraint("opens_minute BETWEEN 0 AND 1439", name="opens_in_day"),
        CheckConstraint(
            "closes_minute > opens_minute AND closes_minute <= opens_minute + 1440",
            name="closes_after",
        ),
        CheckConstraint("starts_on <= ends_on", name="in_order"),
        CheckConstraint("cardinality(byday) + cardinality(bymonthday) > 0", name="some_day"),
        CheckConstraint("repeat_every >= 1", name="repeats"),
        Index(None, "rota_id", "position"),
    )

    id: UUID = columns.uuid_pk()
    rota_id: UUID = columns.foreign_key("rota.id", ondelete="CASCADE", index=False)
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE")
    position: int
    freq: Frequency = columns.enum_column(Frequency, "freq")
    repeat_every: int = small_number(nullable=False, default=1)
    byday: list[str] = text_array()
    bymonthday: list[str] = text_array()
    opens_minute: int = small_number(nullable=False)
    closes_minute: int = small_number(nullable=False)
    dtstart: date | None = day()
    until: date | None = day()
    count: int | None = None
    wkst: str = columns.plain_text(default="MO")
    valid_from: date | None = day()
    valid_to: date | None = day()
    starts_on: date | None = day()
    ends_on: date | None = day()
    week_shift: int = small_number(nullable=False, default=0)
    phase: int = small_number(nullable=False, default=0)
    on_holidays: HolidayRule = columns.enum_column(HolidayRule, "on_holidays")
