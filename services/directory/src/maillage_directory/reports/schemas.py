"""Reports for coordinators: counts of what the caller may see, never words about anyone."""

from typing import Literal
from uuid import UUID

from maillage_common.schemas import Answer, Payload
from maillage_directory.models import ObservationKind, ResourceType
from maillage_directory.records.fields import Code


class ParityParams(Payload):
    organization: UUID | None = None
    territory: Code | None = None


class FieldParity(Answer):
    """How many records tell a field in both languages, in one, in another only, or not at all;
    `machine` of the texts in French or Dutch are translated by a machine."""

    type: ResourceType
    field: str
    both: int
    only_fr: int
    only_nl: int
    neither: int
    machine: int


class ParityReport(Answer):
    items: list[FieldParity]
    next_cursor: Literal[None] = None


class Offer(Answer):
    """Services for a need (its own or below it) in a territory; `with_capacity`: those that say
    they can take someone now."""

    need: str
    territory: str
    services: int
    with_capacity: int


class Met(Answer):
    kind: ObservationKind
    need: str | None
    obstacle: str | None
    observations: int
    happened: int


class Staleness(Answer):
    """Of the services there: never checked as a whole, checked more than half a year or a year ago,
    and those whose capacity is told and expired."""

    services: int
    never_verified: int
    over_half_a_year: int
    over_a_year: int
    capacity_expired: int


class TerritoryReport(Answer):
    """`uncovered`: needs that no visible service answers in the whole territory."""

    territory: str
    label: str
    offer: list[Offer]
    uncovered: list[str]
    met: list[Met]
    staleness: Staleness
