"""Files on their way into the directory: their bytes, what was found in them, what they lack."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Uuid
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_directory.models.columns import members, text_array
from maillage_directory.models.kinds import ResourceType


class ImportFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    NDJSON = "ndjson"
    HSDS = "hsds"
    GEOJSON = "geojson"


class ImportStage(StrEnum):
    RECEIVED = "received"
    READING = "reading"
    CHECKED = "checked"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RecordImport(SQLModel, table=True):
    """One file. `organization_id`: whose import it is; `only_for`: the organizations whose records
    it may write, null for all. `counts` as `imports.schemas.ImportCounts`."""

    __tablename__ = "record_import"
    __table_args__ = (Index(None, "organization_id", "received_at"),)

    id: UUID = columns.uuid_pk()
    format: ImportFormat = columns.enum_column(ImportFormat, "format")
    stage: ImportStage = columns.enum_column(ImportStage, "stage")
    source: str | None = columns.plain_text(nullable=True)
    is_dry_run: bool = Field(default=False, nullable=False)
    is_complete: bool = Field(default=True, nullable=False)
    organization_id: UUID | None = None
    only_for: list[UUID] | None = Field(default=None, nullable=True, sa_type=ARRAY(Uuid()))
    byte_count: int = Field(sa_type=BigInteger, nullable=False)
    lines_done: int = Field(default=0, nullable=False)
    lines_total: int | None = None
    counts: dict[str, Any] = members()
    failure_code: str | None = columns.plain_text(nullable=True)
    received_at: datetime = columns.created_at()
    started_at: datetime | None = columns.instant()
    ended_at: datetime | None = columns.instant()


class ImportChunk(SQLModel, table=True):
    """A part of the file; erased when the import is over."""

    __tablename__ = "import_chunk"

    import_id: UUID = columns.foreign_key("record_import.id", ondelete="CASCADE", primary_key=True)
    number: int = Field(primary_key=True)
    content: bytes = columns.binary()


class ImportFinding(SQLModel, table=True):
    """Something about a line of the file; `near` may have been meant."""

    __tablename__ = "import_finding"
    __table_args__ = (Index(None, "import_id", "line", "id"),)

    id: UUID = columns.uuid_pk()
    import_id: UUID = columns.foreign_key("record_import.id", ondelete="CASCADE", index=False)
    line: int
    field: str = columns.plain_text()
    code: str = columns.plain_text()
    severity: str = columns.plain_text()
    detail: str = columns.plain_text()
    near: list[str] = text_array()


class SourceAbsence(SQLModel, table=True):
    """A record that the last whole file of its source did not have: to look at, not to delete."""

    __tablename__ = "source_absence"

    resource_id: UUID = Field(primary_key=True)
    resource_type: ResourceType = columns.enum_column(ResourceType, "resource_type")
    source: str = columns.plain_text(index=True)
    missing_since: datetime = columns.instant(nullable=False)
