"""An organization as readers see it, and a new one."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.cards.schemas import RecordPublic
from maillage_directory.models import ActorKind
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


class OrganizationPublic(RecordPublic):
    identifiers: list[dict[str, str]]
    parent: UUID | None = None
    logo: str | None = None
    uri: str | None = None
    year_incorporated: int | None = None
    legal_status: str | None = None
    agreed_on: date | None = None
    verified_at: datetime | None = Field(
        default=None, description="When someone last checked the whole record, services apart"
    )


class DelistingPublic(Answer):
    organization: UUID
    delisted_at: datetime
