"""Collections as editors send and readers see them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from maillage_common.schemas import Answer, Payload
from maillage_directory.cards.schemas import ServicePublic
from maillage_directory.models import Visibility
from maillage_directory.models.columns import Texts
from maillage_directory.records.fields import (
    Code,
    Name,
    Words,
    network_is_named,
)


class ItemEntry(Payload):
    service: UUID
    note: Words = Field(default_factory=dict)


class CollectionContent(Payload):
    """An ordered list of services with notes; `visibility` says with whom it is shared.

    `organization` keeps it: the caller's own unless it is named.
    """

    organization: UUID | None = None
    title: Name
    description: Words = Field(default_factory=dict)
    items: Annotated[list[ItemEntry], Field(max_length=500)] = Field(default_factory=list)
    visibility: Visibility = Visibility.PROFESSIONAL
    network: Code | None = None

    _network_is_named = model_validator(mode="after")(network_is_named)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({item.service for item in self.items}) < len(self.items):
            raise PydanticCustomError("service_twice", "Each service is in it once")
        return self


class CollectionBrief(Answer):
    id: UUID
    organization: UUID = Field(validation_alias="organization_id")
    organization_label: str
    title: Texts
    label: str
    description: Texts
    visibility: str
    network: str | None
    source: str
    version: int
    updated_at: datetime


class ItemPublic(Answer):
    """`service` is as `GET /services/{id}` gives it to this reader."""

    note: Texts
    service: ServicePublic | dict[str, Any]


class CollectionPublic(CollectionBrief):
    """Services that the reader may not see are left out."""

    items: list[ItemPublic]


class CollectionParams(Payload):
    organization: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None
