"""Keeping records current: who else may edit, what was proposed, what may be the same twice."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import day, text_array
from maillage_directory.models.kinds import (
    DuplicateDecision,
    NoteCode,
    ResourceType,
    SuggestionState,
)


class Delegation(SQLModel, table=True):
    """An organization may edit the records of a territory, for a time (function `may_edit`)."""

    __tablename__ = "delegation"
    __table_args__ = (
        UniqueConstraint(
            "organization_id", "territory_code", "valid_from", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("valid_to IS NULL OR valid_from <= valid_to", name="in_order"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE", index=False)
    territory_code: str = columns.foreign_key("territory.code")
    valid_from: date | None = day()
    valid_to: date | None = day()


class Suggestion(SQLModel, table=True):
    """A change someone proposes: a JSON merge patch on version `base_version` of a record.

    `proposed_by` is `organization:<id>` or `client:<id>`, never a person.
    """

    __tablename__ = "suggestion"
    __table_args__ = (
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_when"),
        Index(None, "resource_id"),
        Index(None, "state", "created_at", "id"),
    )

    id: UUID = columns.uuid_pk()
    resource_id: UUID
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    base_version: int
    patch: dict[str, Any] = columns.jsonb()
    proposed_by: str = columns.plain_text()
    state: SuggestionState = columns.enum_column(
        SuggestionState, "state", default=SuggestionState.OPEN
    )
    reason: str | None = columns.plain_text(nullable=True)
    created_at: datetime = columns.created_at()
    decided_at: datetime | None = columns.instant()


class ProblemNote(SQLModel, table=True):
    """Someone says "this is wrong" of a record, with a code and nothing else: once a day each."""

    __tablename__ = "problem_note"
    __table_args__ = (UniqueConstraint("resource_id", "code", "noted_on"),)

    id: UUID = columns.uuid_pk()
    resource_id: UUID
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    code: NoteCode = columns.enum_column(NoteCode, "code")
    noted_on: date = day(nullable=False)
    cleared_at: datetime | None = columns.instant()


class Duplicate(SQLModel, table=True):
    """Two records that may be the same one. A decision is remembered, whatever is found later."""

    __tablename__ = "duplicate"
    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        CheckConstraint("first_id < second_id", name="in_order"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_when"),
        Index(None, "second_id"),
    )

    id: UUID = columns.uuid_pk()
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    first_id: UUID
    second_id: UUID
    score: float
    reasons: list[str] = text_array()
    found_at: datetime = columns.created_at()
    decision: DuplicateDecision | None = columns.enum_column(
        DuplicateDecision, "decision", nullable=True
    )
    decided_at: datetime | None = columns.instant()


class FeedReader(SQLModel, table=True):
    """How far a job of ours has read the feed of changes."""

    __tablename__ = "feed_reader"

    name: str = columns.plain_text(primary_key=True)
    is_own: bool
    xid: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
