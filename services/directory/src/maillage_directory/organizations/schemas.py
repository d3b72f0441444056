"""An organization as readers see it, and a new one."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from maillage_common.schemas import Payload
from maillage_directory.cards.schemas import Provenance
from maillage_directory.models import ActorKind
from maillage_directory.models.columns import Texts
from maillage_directory.records.schemas import OrganizationContent


class NewOrganization(OrganizationContent):
    """`id` may be chosen by the caller."""

    id: UUID | None = None


class OrganizationParams(Payload):
    """Filters of the list; they AND."""

    q: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="A part of the name, accents and case aside"
    )
    kind: ActorKind | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] | None = None


class OrganizationPublic(BaseModel):
    id: UUID
    name: Texts
    label: str
    description: Texts
    text_origins: dict[str, dict[str, dict[str, str]]]
    kind: str
    identifiers: list[dict[str, str]]
    phones: list[str]
    contacts: list[dict[str, Any]]
    email: str | None = None
    url: str | None = None
    visibility: str
    network: str | None = None
    provenance: Provenance
    version: int
    updated_at: datetime
