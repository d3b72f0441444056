"""Which function may see which category: versions of one table, deny by default."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from maillage_common import columns
from maillage_referrals.vocabulary import Category


class AccessMatrix(SQLModel, table=True):
    """One version. The highest version whose `activated_at` has passed is the one that counts."""

    __tablename__ = "access_matrix"

    version: int = Field(primary_key=True)
    activated_at: datetime = columns.instant(nullable=False)
    created_at: datetime = columns.created_at()


class AccessRule(SQLModel, table=True):
    """A line of a version: this function may see this category. No line, no access."""

    __tablename__ = "access_rule"

    version: int = columns.foreign_key("access_matrix.version", primary_key=True)
    function: str = columns.plain_text(primary_key=True)
    category: Category = Field(
        primary_key=True,
        sa_type=columns.enum_type(Category, "category"),
    )
