"""Imports and their row reports as JSON."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from maillage_campaigns.models import ImportStage, Severity
from maillage_common.schemas import Answer, Payload


class ImportProgress(Answer):
    """`rows_total` and `seconds_left` are null while they cannot be known."""

    rows_done: int
    rows_total: int | None
    seconds_left: int | None


class ImportCounts(Answer):
    """Rows by what became of them. Good = new + changed + same."""

    good: int = 0
    bad: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    duplicate: int = 0
    objection: int = 0


class ImportPublic(Answer):
    id: UUID
    campaign_id: UUID
    stage: ImportStage
    file_name: str | None
    byte_count: int
    encoding: str
    delimiter: str | None
    progress: ImportProgress
    counts: ImportCounts
    confirmation_required: bool
    failure_code: str | None
    missing_columns: list[str]
    received_at: datetime
    approved_at: datetime | None
    done_at: datetime | None
    cancelled_at: datetime | None
    failed_at: datetime | None


class RowIssue(Answer):
    """One finding. `row` and `column` as the spreadsheet shows them (row 1 is the header)."""

    row: int
    column: str | None
    label: str | None
    code: str
    severity: Severity
    messages: dict[str, str]


class DecisionGiven(Payload):
    """Approve (the good rows go in) or cancel. `confirm_bad_rows` where it is asked for."""

    decision: Literal["approve", "cancel"]
    confirm_bad_rows: bool = False
