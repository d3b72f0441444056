"""What a service says of its capacity."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import CapacityStatus, Confidence
from maillage_directory.records.parts import CapacityTold


class NewCapacityReport(CapacityTold):
    """`observed_at` is now, and `valid_until` two weeks later, unless told otherwise.
    `source`: who passed it on, when the service did not tell it itself."""

    observed_at: Instant | None = None
    valid_until: Instant | None = None


class ServiceCapacityReport(NewCapacityReport):
    service: UUID


class NewCapacityReports(Payload):
    """Many services at once, all or none."""

    reports: Annotated[list[ServiceCapacityReport], Field(min_length=1, max_length=500)]


class CapacityReportPublic(Answer):
    id: UUID
    service_id: UUID
    status: CapacityStatus
    places: int | None
    unit: str | None
    waiting_days: int | None
    observed_at: datetime
    valid_until: datetime
    confidence: Confidence
    source: str | None


class CapacityReportsPublic(Answer):
    items: list[CapacityReportPublic]
    next_cursor: Literal[None] = None
