"""Observations as they are noted and read."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import ObservationKind, ObservationState
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import Code, Line
from maillage_directory.records.schemas import ObservationContent


class NewObservation(ObservationContent):
    """`external_id` is the sender's own number: sent again, it stays one observation."""

    external_id: Line | None = None


class ObservationParams(Payload):
    kind: ObservationKind | None = None
    need: Code | None = None
    territory: Code | None = None
    program: Code | None = None
    state: ObservationState | None = None
    observed_since: date | None = None
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


class ObservationCount(Answer):
    """How often, over all observations, whoever may read their words."""

    kind: ObservationKind
    need: str | None
    obstacle: str | None
    territory: str | None
    observations: int
    happened: int


class ObservationCounts(Answer):
    items: list[ObservationCount]
    next_cursor: Literal[None] = None
