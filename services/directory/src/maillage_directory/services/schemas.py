"""What editors send about one service, and what a verification says."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from maillage_common.schemas import Answer, Payload
from maillage_directory.records.fields import Code
from maillage_directory.records.schemas import ServiceContent


class NewService(ServiceContent):
    """A service of the caller's organization; `id` may be chosen by the caller."""

    id: UUID | None = None


class NewVerification(Payload):
    """Someone checked the record: wholly without `fields`, else only these."""

    fields: Annotated[list[Code], Field(max_length=60)] = Field(default_factory=list)
    verified_at: AwareDatetime | None = None


class VerificationPublic(Answer):
    id: UUID
    service_id: UUID
    fields: list[str]
    verified_at: datetime
