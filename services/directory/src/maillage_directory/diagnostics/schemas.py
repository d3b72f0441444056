"""Local diagnoses as editors send and readers see them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import Visibility
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import (
    Code,
    Codes,
    Line,
    Name,
    WebAddress,
    Words,
    network_is_named,
)


class DiagnosticContent(Payload):
    """A publication that tells a territory's state, also by what cannot be counted.

    `author` signs it; `themes` are codes of needs; `organization` keeps this entry: the caller's
    own unless it is named.
    """

    organization: UUID | None = None
    title: Name
    summary: Words = Field(default_factory=dict)
    territory: Code
    themes: Codes = Field(default_factory=list)
    published_on: Day
    author: Line
    url: WebAddress
    visibility: Visibility = Visibility.PUBLIC
    network: Code | None = None

    _network_is_named = model_validator(mode="after")(network_is_named)


class DiagnosticPublic(Answer):
    id: UUID
    organization: UUID = Field(validation_alias="organization_id")
    title: Texts
    label: str
    summary: Texts
    territory: str = Field(validation_alias="territory_code")
    themes: list[str]
    published_on: date
    author: str
    url: str
    visibility: str
    network: str | None
    source: str
    version: int
    updated_at: datetime


class DiagnosticParams(Payload):
    """`theme` finds those below it too; `territory` those of all that lies in it."""

    q: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    territory: Code | None = None
    theme: Code | None = None
    published_since: Day | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None
