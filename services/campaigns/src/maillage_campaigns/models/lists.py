"""A mutuality's part in a campaign and the call lists it pushes. Tenant tables."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from maillage_campaigns.models.columns import belongs, binaries, small, tenant_key, texts
from maillage_common import columns


class ImportStage(StrEnum):
    RECEIVED = "received"
    PARSING = "parsing"
    VALIDATED = "validated"
    AWAITING_APPROVAL = "awaiting_approval"
    MERGING = "merging"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class RowOutcome(StrEnum):
    """What the comparison found for a good row."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    KEPT_OUT = "kept_out"


class Participation(SQLModel, table=True):
    __tablename__ = "participation"

    tenant: str = tenant_key()
    campaign_id: UUID = columns.foreign_key("campaign.id", primary_key=True)
    caller_name: dict[str, str] = columns.jsonb(default_factory=dict)
    ring_back_number: str | None = columns.plain_text(nullable=True)
    version: int = columns.version()
    joined_at: datetime = columns.created_at()


class ListImport(SQLModel, table=True):
    __tablename__ = "list_import"
    __table_args__ = (
        Index(
            "uq_list_import_live",
            "tenant",
            "campaign_id",
            "content_key",
            unique=True,
            postgresql_where=text("stage <> ALL (ARRAY['cancelled'::text, 'failed'::text])"),
        ),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    campaign_id: UUID = columns.foreign_key("campaign.id")
    content_key: bytes = columns.binary()
    file_name: bytes | None = columns.binary(nullable=True)
    byte_count: int
    bytes_read: int = Field(default=0)
    stage: ImportStage = columns.enum_column(ImportStage, "stage")
    encoding: str = columns.plain_text()
    delimiter: str | None = columns.plain_text(nullable=True)
    labels: list[str] | None = columns.jsonb(nullable=True)
    rows_read: int = Field(default=0)
    rows_total: int | None = Field(default=None, nullable=True)
    rows_bad: int = Field(default=0)
    counts: dict[str, int] = columns.jsonb(default_factory=dict)
    merged_up_to: int = Field(default=0)
    rows_merged: int = Field(default=0)
    failure_code: str | None = columns.plain_text(nullable=True)
    received_at: datetime = columns.created_at()
    parsing_at: datetime | None = columns.instant()
    awaiting_approval_at: datetime | None = columns.instant()
    approved_at: datetime | None = columns.instant()
    done_at: datetime | None = columns.instant()
    cancelled_at: datetime | None = columns.instant()
    failed_at: datetime | None = columns.instant()
    file_erased_at: datetime | None = columns.instant()


class ImportChunk(SQLModel, table=True):
    """A sealed piece of the file, in order. Erased on schedule."""

    __tablename__ = "import_chunk"
    # Deferred: pieces arrive before it is known whether their import exists already.
    __table_args__ = (belongs("import_id", "list_import", is_deferred=True),)

    tenant: str = tenant_key()
    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    sealed: bytes = columns.binary()


class ImportRow(SQLModel, table=True):
    """A staged row. Unlogged: lost when PostgreSQL crashes, then read again from the file."""

    __tablename__ = "import_row"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    tenant: str = tenant_key()
    import_id: UUID = Field(primary_key=True)
    row_number: int = Field(primary_key=True)
    is_good: bool
    outcome: RowOutcome | None = columns.enum_column(RowOutcome, "outcome", nullable=True)
    person_id: UUID
    person_key: bytes | None = columns.binary(nullable=True)
    sealed_names: bytes | None = columns.binary(nullable=True)
    payload_key: bytes | None = columns.binary(nullable=True)
    phone_keys: list[bytes] = binaries()
    sealed_phones: list[bytes] = binaries()
    birth_year: int | None = small(nullable=True)
    languages: list[str] = texts()
    interpreter_needed: bool
    territory: str | None = columns.plain_text(nullable=True)
    preferred_from: time | None = Field(default=None, nullable=True)
    preferred_until: time | None = Field(default=None, nullable=True)
    priority: int = small()
    criteria: list[bytes] = binaries()
    do_not_call: bool


class ImportIssue(SQLModel, table=True):
    """One thing to say about a row; `facts` never quotes the cell, and a label is one we know."""

    __tablename__ = "import_issue"
    __table_args__ = (
        belongs("import_id", "list_import"),
        Index(None, "tenant", "import_id", "row_number", "id"),
    )

    tenant: str = tenant_key()
    id: UUID = columns.uuid_pk()
    import_id: UUID
    row_number: int
    column_letters: str | None = columns.plain_text(nullable=True)
    column_label: str | None = columns.plain_text(nullable=True)
    code: str = columns.plain_text()
    severity: Severity = columns.enum_column(Severity, "severity")
    facts: dict[str, int | str] = columns.jsonb(default_factory=dict)
