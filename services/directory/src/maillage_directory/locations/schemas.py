"""Locations, and services at them, as readers see them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.cards.schemas import LocationPublic
from maillage_directory.models.columns import Texts


class LocationListed(LocationPublic):
    """A location of at least one service that the reader may see; `services` are those."""

    organization: UUID
    services: list[UUID]


class ServiceAtLocationPublic(Answer):
    """HSDS `service_at_location`; `description` tells what is particular to the service there."""

    id: UUID
    service: UUID
    description: Texts = Field(default_factory=dict)
    location: LocationPublic


class LocationParams(Payload):
    organization: UUID | None = None
    service: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class ServiceAtLocationParams(LocationParams):
    location: UUID | None = None
