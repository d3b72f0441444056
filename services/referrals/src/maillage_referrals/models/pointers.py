"""Where something about a person is kept, and that it exists: never what it says."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_referrals.models.consents import text_array, within
from maillage_referrals.vocabulary import SENSITIVE, Category, PointerKind, PointerStatus

REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$"
SENSITIVE_VALUES = sorted(map(str, SENSITIVE))


class Pointer(SQLModel, table=True):
    """One entry. Closed vocabulary; no column takes free text.

    `sensitive_categories`: what a consent must name before another organization sees the entry,
    from its category and the needs that its service answers. All of them while the directory has
    not told the needs (`needs_checked_at` is null with a `service_id`).
    """

    __tablename__ = "pointer"
    __table_args__ = (
        CheckConstraint(within("sensitive_categories", SENSITIVE_VALUES), name="sensitive_known"),
        CheckConstraint(
            within("ARRAY[category::text]", SENSITIVE_VALUES)
            + " <= (category::text = ANY (sensitive_categories))",
            name="sensitive_category_listed",
        ),
        CheckConstraint("to_on IS NULL OR from_on <= to_on", name="period"),
        CheckConstraint(f"locator_reference ~ '{REFERENCE_PATTERN}'", name="locator_reference"),
        CheckConstraint("locator_system ~ '^[a-z0-9][a-z0-9.-]{1,63}$'", name="locator_system"),
        CheckConstraint(
            "(superseded_by_id IS NULL) = (superseded_at IS NULL)", name="superseded_at_once"
        ),
        Index(
            "uq_pointer_locator",
            "organization",
            "locator_system",
            "locator_reference",
            unique=True,
            postgresql_where=text("superseded_at IS NULL AND entered_in_error_at IS NULL"),
        ),
        Index(None, "subject_id", "id"),
    )

    id: UUID = columns.uuid_pk()
    subject_id: UUID = columns.foreign_key("subject.id", ondelete="CASCADE", index=False)
    category: Category = columns.enum_column(Category, "category")
    sensitive_categories: list[str] = text_array()
    kind: PointerKind = columns.enum_column(PointerKind, "kind")
    status: PointerStatus = columns.enum_column(PointerStatus, "status")
    from_on: date = Field()
    to_on: date | None = Field(default=None)
    organization: UUID = Field()
    author: str = columns.plain_text()
    author_function: str = columns.plain_text()
    service_id: UUID | None = Field(default=None)
    needs_checked_at: datetime | None = columns.instant()
    locator_system: str = columns.plain_text()
    locator_reference: str = columns.plain_text()
    locator_url: str | None = columns.plain_text(nullable=True)
    # Deferred: the old entry steps aside before the new one, with the same locator, is there.
    superseded_by_id: UUID | None = Field(
        default=None,
        sa_column_args=[ForeignKey("pointer.id", deferrable=True, initially="DEFERRED")],
    )
    superseded_at: datetime | None = columns.instant()
    entered_in_error_at: datetime | None = columns.instant()
    created_at: datetime = columns.created_at()
    version: int = columns.version()
