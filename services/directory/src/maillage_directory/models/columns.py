"""Column idioms of the directory's own tables."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Date, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from maillage_common import columns
from maillage_directory.models.kinds import Visibility

# Language -> words, e.g. {"fr": "Accueil", "nl": "Onthaal"}; keys are ISO 639 codes.
Texts = dict[str, str]


def texts() -> Any:
    """Words in several languages, as jsonb."""
    return columns.jsonb()


def texts_or_empty() -> Any:
    """As `texts`, but an empty object when nothing is written."""
    return columns.jsonb(default_factory=dict)


def members() -> Any:
    """Members of a record by name, as jsonb; rows of an older version have none."""
    return Field(
        default_factory=dict,
        nullable=False,
        sa_type=JSONB(none_as_null=True),
        sa_column_kwargs={"server_default": text("'{}'::jsonb")},
    )


def text_array() -> Any:
    return Field(
        default_factory=list,
        nullable=False,
        sa_type=ARRAY(Text),
        sa_column_kwargs={"server_default": text("'{}'::text[]")},
    )


def day(*, nullable: bool = True) -> Any:
    given: dict[str, Any] = {"default": None} if nullable else {}
    return Field(**given, nullable=nullable, sa_type=Date)


def small_number(*, nullable: bool = True, default: int | None = None) -> Any:
    given: dict[str, Any] = {} if default is None and not nullable else {"default": default}
    return Field(**given, nullable=nullable, sa_type=SmallInteger)


def visibility(default: Visibility = Visibility.PUBLIC) -> Any:
    return columns.enum_column(Visibility, "visibility", default=default)


def network_is_named() -> CheckConstraint:
    return CheckConstraint(
        "(visibility = 'network') = (network IS NOT NULL)", name="network_is_named"
    )


def members_of(column: str, kinds: type[StrEnum]) -> CheckConstraint:
    """A text array holds only the members of a closed list."""
    listed = ", ".join(f"'{kind.value}'" for kind in kinds)
    return CheckConstraint(f"{column} <@ ARRAY[{listed}]::text[]", name=f"{column}_known")
