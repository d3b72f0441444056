"""Column idioms of the tenant tables."""

from typing import Any

from sqlalchemy import ForeignKeyConstraint, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from maillage_common import columns


def tenant_key() -> Any:
    """First column of a tenant table's primary key."""
    return columns.plain_text(primary_key=True)


def texts() -> Any:
    return Field(
        default_factory=list,
        nullable=False,
        sa_type=ARRAY(Text),
        sa_column_kwargs={"server_default": text("'{}'::text[]")},
    )


def binaries() -> Any:
    return Field(
        default_factory=list,
        nullable=False,
        sa_type=ARRAY(LargeBinary),
        sa_column_kwargs={"server_default": text("'{}'::bytea[]")},
    )


def small(*, nullable: bool = False, default: Any = ...) -> Any:
    given: dict[str, Any] = {} if default is ... else {"default": default}
    if nullable:
        given["default"] = None
    return Field(**given, nullable=nullable, sa_type=SmallInteger)


def belongs(column: str, table: str, *, is_deferred: bool = False) -> ForeignKeyConstraint:
    """A foreign key that includes the tenant, so that it cannot reach across the wall."""
    return ForeignKeyConstraint(
        ["tenant", column],
        [f"{table}.tenant", f"{table}.id"],
        ondelete="CASCADE",
        deferrable=is_deferred or None,
        initially="DEFERRED" if is_deferred else None,
    )
