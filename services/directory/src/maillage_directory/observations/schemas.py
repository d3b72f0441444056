"""Observations as they are noted and read."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import (
    ObservationKind,
    ObservationState,
    TerritoryKind,
    Visibility,
)
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import Code, Line, WebAddress, Words
from maillage_directory.records.schemas import ObservationContent


class NewObservation(ObservationContent):
    """`external_id` is the sender's own number: sent again, it stays one observation."""

    external_id: Line | None = None


class ObservationFilters(Payload):
    kind: ObservationKind | None = None
    need: Code | None = None
    obstacle: Code | None = None
    territory: Code | None = None
    program: Code | None = None
    state: ObservationState | None = None
    observed_since: Day | None = None
    observed_until: Day | None = None


class CountParams(ObservationFilters):
    """`level` counts by the territories of that kind that hold the observed ones."""

    level: TerritoryKind | None = None


class ObservationParams(ObservationFilters):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class ObservationPublic(Answer):
    """Where it came from is told by program only."""

    id: UUID
    kind: ObservationKind
    obstacle: str | None
    need: str | None = Field(validation_alias="need_code")
    territory: str | None = Field(validation_alias="territory_code")
    program: str | None = Field(validation_alias="program_code")
    count: int = Field(validation_alias="happened")
    note: Texts
    recommendation: Texts
    state: ObservationState
    observed_on: date
    visibility: str
    created_at: datetime


class TransitionPublic(Answer):
    """`institution` was sent it, or answered."""

    from_state: ObservationState
    to_state: ObservationState
    happened_on: date
    institution: str | None
    words: Texts
    url: str | None


class ObservationDetail(ObservationPublic):
    transitions: list[TransitionPublic]


class NewTransition(Payload):
    """`words` are the institution's, or to it; never about a person."""

    to: ObservationState
    on: Day | None = None
    institution: Line
    words: Words = Field(default_factory=dict)
    url: WebAddress | None = None


class Moderation(Payload):
    """Who may read it, and its words as they are fit to be read: about institutions only."""

    visibility: Literal[Visibility.PUBLIC, Visibility.PROFESSIONAL]
    note: Words = Field(default_factory=dict)
    recommendation: Words = Field(default_factory=dict)


class ObservationCount(Answer):
    """How often, over all observations, whoever may read their words; `noted`, `sent` and
    `answered` add up to `observations`."""

    kind: ObservationKind
    need: str | None
    obstacle: str | None
    territory: str | None
    observations: int
    happened: int
    noted: int
    sent: int
    answered: int


class ObservationCounts(Answer):
    items: list[ObservationCount]
    next_cursor: Literal[None] = None
