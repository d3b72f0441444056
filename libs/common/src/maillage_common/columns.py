"""Column helpers, so that each idiom and each type-ignore stands once.

Import this module before the first table: it sets the naming convention on the metadata.
"""

import os
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, DateTime, Enum, ForeignKey, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Column, Field, SQLModel

from maillage_common import clock

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562, version 7), millisecond precision.

    Made here and not by PostgreSQL so that a row knows its id before it is written.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & ((1 << 62) - 1)
    return UUID(
        int=(milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    )


def uuid_pk() -> Any:
    return Field(default_factory=uuid7, primary_key=True)


def instant(*, nullable: bool = True, index: bool = False) -> Any:
    """A `timestamptz`. Python side: an aware datetime."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(
        **default,
        nullable=nullable,
        index=index,
        sa_type=DateTime(timezone=True),
    )


def created_at() -> Any:
    return Field(
        default_factory=clock.now,
        nullable=False,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("now()")},
    )


def updated_at() -> Any:
    return Field(
        default_factory=clock.now,
        nullable=False,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("now()"), "onupdate": clock.now},
    )


def plain_text(
    *,
    nullable: bool = False,
    default: Any = ...,
    default_factory: Callable[[], str] | None = None,
    primary_key: bool = False,
    unique: bool = False,
    index: bool = False,
) -> Any:
    """A `text` column (PostgreSQL gains nothing from varchar)."""
    given: dict[str, Any] = {}
    if default_factory is not None:
        given["default_factory"] = default_factory
    elif default is not ...:
        given["default"] = default
    elif nullable:
        given["default"] = None
    return Field(
        **given,
        nullable=nullable,
        primary_key=primary_key,
        unique=unique,
        index=index,
        sa_type=Text,
    )


def enum_type(members: type[StrEnum], name: str) -> Enum:
    """Text plus a CHECK named `ck_<table>_<name>`: a native enum would outlive a downgrade."""
    return Enum(
        members,
        native_enum=False,
        create_constraint=True,
        name=name,
        length=40,
        values_callable=lambda kind: [member.value for member in kind],
        validate_strings=True,
    )


def enum_column(
    members: type[StrEnum],
    name: str,
    *,
    nullable: bool = False,
    default: Any = ...,
    index: bool = False,
) -> Any:
    given: dict[str, Any] = {}
    if default is not ...:
        given["default"] = default
    elif nullable:
        given["default"] = None
    return Field(
        **given,
        nullable=nullable,
        index=index,
        sa_type=enum_type(members, name),
    )


def jsonb(*, nullable: bool = False, default_factory: Callable[[], Any] | None = None) -> Any:
    given: dict[str, Any] = {}
    if default_factory is not None:
        given["default_factory"] = default_factory
    elif nullable:
        given["default"] = None
    return Field(
        **given,
        nullable=nullable,
        sa_type=JSONB(none_as_null=True),
    )


def binary(*, nullable: bool = False, primary_key: bool = False) -> Any:
    given: dict[str, Any] = {"default": None} if nullable else {}
    return Field(**given, nullable=nullable, primary_key=primary_key, sa_type=LargeBinary)


def foreign_key(
    target: str,
    *,
    ondelete: str = "RESTRICT",
    nullable: bool = False,
    index: bool = True,
    primary_key: bool = False,
) -> Any:
    given: dict[str, Any] = {"default": None} if nullable else {}
    return Field(
        **given,
        nullable=nullable,
        index=index and not primary_key,
        primary_key=primary_key,
        sa_column_args=[ForeignKey(target, ondelete=ondelete)],
    )


def version() -> Any:
    """The number behind a resource's ETag; the writer adds one with every change."""
    return Field(
        default=1, nullable=False, sa_type=Integer, sa_column_kwargs={"server_default": text("1")}
    )


def search_vector(expression: str) -> Any:
    """A stored, generated `tsvector`. Write the expression in PostgreSQL's own normal form."""
    return Field(
        default=None,
        sa_column=Column(TSVECTOR, Computed(expression, persisted=True), nullable=True),
    )


__all__ = [
    "NAMING_CONVENTION",
    "binary",
    "created_at",
    "enum_column",
    "enum_type",
    "foreign_key",
    "instant",
    "jsonb",
    "plain_text",
    "search_vector",
    "updated_at",
    "uuid7",
    "uuid_pk",
    "version",
]
