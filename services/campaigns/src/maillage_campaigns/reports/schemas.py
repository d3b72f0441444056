"""Published tables, rates, progress and contactability as JSON."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload


class PublicationWanted(Payload):
    """Publishes what happened since the last publication. The threshold can only be raised."""

    campaign_id: UUID
    threshold: Annotated[int, Field(ge=2, le=100)] | None = None


class PublicationPublic(Answer):
    """`published_at` is null until every mutuality has contributed."""

    id: UUID
    campaign_id: UUID
    from_at: datetime
    until_at: datetime
    threshold: int
    published_at: datetime | None


class CellPublic(Answer):
    """`count` is null where the cell is suppressed."""

    row: str
    column: str
    count: int | None
    is_suppressed: bool


class TablePublic(Answer):
    """`row` and `column` "total" are the margins; a territory "unknown" is one nobody gave.

    Named are the rows and columns with a cell that reaches the threshold; "other" is all the rest,
    also when that is nobody, and always suppressed. Where a person may be in several columns, there
    is no total of them.
    """

    name: str
    counts: str
    cells: list[CellPublic]


class RatePublic(Answer):
    """Exact: numerator over denominator. All null when undefined or when it must not be told."""

    name: str
    numerator: int | None
    denominator: int | None
    value: float | None
    is_suppressed: bool


class ReportPublic(Answer):
    campaign_id: UUID
    publication: PublicationPublic
    tables: list[TablePublic]
    rates: list[RatePublic]


class ProgressPublic(Answer):
    """Cases of one's own mutuality, by how far the calling is. Nothing of what was said."""

    cases: int
    untried: int
    in_progress: int
    closed: int
    attempts: int
    never_called_since: datetime | None


class ContactabilityItem(Answer):
    """Someone who cannot be called any more, by the import and spreadsheet row they came in on."""

    case_id: UUID
    campaign_id: UUID
    import_id: UUID
    row: int
    reason: Literal["deceased", "moved", "wrong_number", "objection"]
    since: datetime | None
