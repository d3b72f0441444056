"""The shared agenda: permanences, workshops, mobile rounds; and how many people came."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from maillage_common import columns
from maillage_directory.models.columns import (
    Texts,
    day,
    members,
    network_is_named,
    text_array,
    texts,
    texts_or_empty,
    visibility,
)
from maillage_directory.models.kinds import Audience, EventKind, Visibility


class Event(SQLModel, table=True):
    """Once (`starts_at`, `ends_at`) or again and again (`schedule`, an HSDS schedule in JSON).

    `first_on` and `last_on` are the days between which occurrences begin; no `last_on`: no end.
    `cancelled_on` are days (ISO 8601) on which it does not take place. `place` is where it is held,
    in JSON; `postcode` repeats its postcode to be asked for, and never that of a confidential one.
    """

    __tablename__ = "event"
    __table_args__ = (
        network_is_named(),
        CheckConstraint("name <> '{}'::jsonb", name="named"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="both_ends"),
        CheckConstraint("(starts_at IS NULL) <> (schedule IS NULL)", name="once_or_again"),
        CheckConstraint("starts_at < ends_at", name="ends_after"),
        CheckConstraint("first_on <= last_on", name="in_order"),
        Index(None, "first_on", "last_on"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    kind: EventKind = columns.enum_column(EventKind, "kind")
    audience: Audience = columns.enum_column(Audience, "audience", default=Audience.PUBLIC)
    name: Texts = texts()
    description: Texts = texts_or_empty()
    needs: list[str] = text_array()
    languages: list[str] = text_array()
    program_code: str | None = columns.foreign_key("program.code", nullable=True)
    territory_code: str | None = columns.foreign_key("territory.code", nullable=True)
    place: dict[str, Any] | None = columns.jsonb(nullable=True)
    postcode: str | None = columns.plain_text(nullable=True)
    starts_at: datetime | None = columns.instant()
    ends_at: datetime | None = columns.instant()
    schedule: dict[str, Any] | None = columns.jsonb(nullable=True)
    cancelled_on: list[str] = text_array()
    first_on: date = day(nullable=False)
    last_on: date | None = day()
    details: dict[str, Any] = members()
    visibility: Visibility = visibility()
    network: str | None = columns.plain_text(nullable=True)
    source: str = columns.plain_text()
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
    version: int = columns.version()


class EventAttendance(SQLModel, table=True):
    """How many came on one day, and where from as a whole. Never who."""

    __tablename__ = "event_attendance"
    __table_args__ = (
        UniqueConstraint("event_id", "held_on"),
        CheckConstraint("present >= 0", name="not_negative"),
    )

    id: UUID = columns.uuid_pk()
    event_id: UUID = columns.foreign_key("event.id", ondelete="CASCADE", index=False)
    held_on: date = day(nullable=False)
    present: int
    need_code: str | None = columns.foreign_key("need.code", nullable=True)
    territory_code: str | None = columns.foreign_key("territory.code", nullable=True)
    created_at: datetime = columns.created_at()
    updated_at: datetime = columns.updated_at()
