"""What a check of a record says."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload
from maillage_directory.records.fields import Code


class NewVerification(Payload):
    """Someone checked the record: wholly without `fields`, else only these."""

    fields: Annotated[list[Code], Field(max_length=60)] = Field(default_factory=list)
    verified_at: Instant | None = None


class VerificationPublic(Answer):
    id: UUID
    fields: list[str]
    verified_at: datetime


class ServiceVerificationPublic(VerificationPublic):
    service_id: UUID


class OrganizationVerificationPublic(VerificationPublic):
    organization_id: UUID
