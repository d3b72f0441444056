"""Questions of professionals to the desk of a territory. Coded throughout: never a person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from maillage_common import columns
from maillage_directory.models.kinds import EnquiryOutcome, EnquiryState


class Enquiry(SQLModel, table=True):
    """`organization_id` asks the desk of `territory_code` what there is for `need_code`.

    `constraints` are closed codes alone (`enquiries.schemas.Constraints`). No column holds words,
    or who in the organization asked: what is asked is about someone who is not told of.
    """

    __tablename__ = "enquiry"
    __table_args__ = (
        CheckConstraint("(state = 'answered') = (answered_at IS NOT NULL)", name="answered_when"),
        CheckConstraint("(state = 'answered') = (outcome IS NOT NULL)", name="answered_what"),
        Index(None, "created_at", "id"),
    )

    id: UUID = columns.uuid_pk()
    organization_id: UUID = columns.foreign_key("organization.id", ondelete="CASCADE")
    need_code: str = columns.foreign_key("need.code")
    territory_code: str = columns.foreign_key("territory.code")
    constraints: dict[str, Any] = columns.jsonb(default_factory=dict)
    state: EnquiryState = columns.enum_column(EnquiryState, "state", default=EnquiryState.OPEN)
    outcome: EnquiryOutcome | None = columns.enum_column(EnquiryOutcome, "outcome", nullable=True)
    answered_at: datetime | None = columns.instant()
    answered_by: UUID | None = columns.foreign_key(
        "organization.id", ondelete="SET NULL", nullable=True
    )
    created_at: datetime = columns.created_at()


class EnquiryService(SQLModel, table=True):
    """A service that answers an enquiry; the best first."""

    __tablename__ = "enquiry_service"
    __table_args__ = (Index(None, "service_id"),)

    enquiry_id: UUID = columns.foreign_key("enquiry.id", ondelete="CASCADE", primary_key=True)
    service_id: UUID = columns.foreign_key("service.id", ondelete="CASCADE", primary_key=True)
    position: int
