"""A need as readers see it."""

from typing import Literal

from pydantic import Field

from maillage_common.schemas import Answer
from maillage_directory.models.columns import Texts


class NeedPublic(Answer):
    """A term of the taxonomy; `label` is its name in the caller's language."""

    code: str
    parent: str | None = Field(validation_alias="parent_code")
    name: Texts
    label: str
    pictogram: str | None
    is_sensitive: bool
    exact_match: list[str]


class NeedsPublic(Answer):
    """The whole taxonomy: it is small, and whoever shows it needs all of it."""

    items: list[NeedPublic]
    next_cursor: Literal[None] = None
