"""What an import is asked for, and what it tells."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.models.imports import ImportFormat, ImportStage
from maillage_directory.records.fields import Code


class ImportParams(Payload):
    """`dry_run`: only say what would happen; `POST …/decision` then applies the same file.

    `source`: of records that name none. `complete`: the file is the whole of its source, so that
    what it lacks is flagged.
    """

    format: ImportFormat
    dry_run: bool = False
    source: Code = "import"
    complete: bool = True


class ImportCounts(Answer):
    """Records by what became of them (in a dry run: would become), lines with errors, and records
    of its source that the file lacks."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0
    missing: int = 0


class ImportPublic(Answer):
    id: UUID
    format: ImportFormat
    stage: ImportStage
    dry_run: bool
    byte_count: int
    lines_done: int
    lines_total: int | None
    counts: ImportCounts
    failure_code: str | None
    received_at: datetime
    ended_at: datetime | None


class ImportRow(Answer):
    """One finding. `line`: of the file, the header of a sheet being line 1; 0: the file as a whole.
    `field`: a JSON pointer, or a column of a sheet. `severity`: error (the line stays out),
    warning, or info."""

    line: int
    field: str
    code: str
    severity: str
    detail: str
    near: list[str]


class ImportDecision(Payload):
    """What to do after a dry run."""

    decision: Literal["apply", "cancel"]


class RowParams(Payload):
    severity: Literal["error", "warning", "info"] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None
