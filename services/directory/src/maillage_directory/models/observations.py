"""What workers met on the ground: gaps and structural obstacles. Never a person, never a tenant."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import day, texts_or_empty, visibility
from maillage_directory.models.kinds import ObservationKind, ObservationState, Visibility


class Observation(SQLModel, table=True):
    """`happened` times: a gap (a need that found no service) or an obstacle (a structural barrier).

    `note` and `recommendation` are words about institutions, never about a person.
    """

    __tablename__ = "observation"
    __table_args__ = (
        CheckConstraint("happened >= 1", name="happened_once"),
        CheckConstraint("visibility IN ('public', 'professional')", name="public_or_professional"),
        Index(
            None,
            "source",
            "external_id",
            unique=True,
            postgresql_where="external_id IS NOT NULL",
        ),
        Index(None, "observed_on", "id"),
    )

    id: UUID = columns.uuid_pk()
    kind: ObservationKind = columns.enum_column(ObservationKind, "kind")
    obstacle: str | None = columns.plain_text(nullable=True)
    need_code: str | None = columns.foreign_key("need.code", nullable=True)
    territory_code: str | None = columns.foreign_key("territory.code", nullable=True)
    program_code: str | None = columns.foreign_key("program.code", nullable=True)
    happened: int = Field(default=1, nullable=False)
    note: dict[str, str] = texts_or_empty()
    recommendation: dict[str, str] = texts_or_empty()
    state: ObservationState = columns.enum_column(
        ObservationState, "state", default=ObservationState.NOTED
    )
    observed_on: date = day(nullable=False)
    source: str = columns.plain_text()
    external_id: str | None = columns.plain_text(nullable=True)
    visibility: Visibility = visibility(Visibility.PROFESSIONAL)
    created_at: datetime = columns.created_at()


class ObservationTransition(SQLModel, table=True):
    """A step of an observation's life: sent upward to an institution, or answered by one.

    `institution` names the addressee or who answered; `words` are theirs or to them, about
    institutions.
    """

    __tablename__ = "observation_transition"
    __table_args__ = (CheckConstraint("from_state <> to_state", name="moves"),)

    id: UUID = columns.uuid_pk()
    observation_id: UUID = columns.foreign_key("observation.id", ondelete="CASCADE")
    from_state: ObservationState = columns.enum_column(ObservationState, "from_state")
    to_state: ObservationState = columns.enum_column(ObservationState, "to_state")
    happened_on: date = day(nullable=False)
    institution: str | None = columns.plain_text(nullable=True)
    words: dict[str, str] = texts_or_empty()
    url: str | None = columns.plain_text(nullable=True)
    created_at: datetime = columns.created_at()
