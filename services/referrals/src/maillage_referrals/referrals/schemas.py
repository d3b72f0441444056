from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload
from maillage_referrals.consents.schemas import LanguageCode
from maillage_referrals.models.pointers import REFERENCE_PATTERN
from maillage_referrals.vocabulary import (
    Accompaniment,
    AnsweredBy,
    HandOverKind,
    OutcomeCode,
    PersonAnswer,
    Purpose,
    ReferralStatus,
    Role,
    ServiceOutcome,
    TransitionReason,
)

LocalReference = Annotated[
    str, Field(pattern=REFERENCE_PATTERN, description="Seen by the side that wrote it alone")
]


class Outcome(Payload):
    """What the receiver did about it."""

    answered: ServiceOutcome
    code: OutcomeCode


class TransitionRequest(Payload):
    """Where the referral goes, with what that state needs and nothing else."""

    to: ReferralStatus
    reason: TransitionReason | None = None
    until: Instant | None = None
    rerouted_to: UUID | None = None
    outcome: Outcome | None = None
    local_reference: LocalReference | None = None

    @model_validator(mode="after")
    def facts_fit_the_state(self) -> Self:
        needed = {
            "reason": self.to in (ReferralStatus.REJECTED, ReferralStatus.FAILED),
            "until": self.to is ReferralStatus.ON_HOLD,
            "rerouted_to": self.to is ReferralStatus.REROUTED,
            "outcome": self.to is ReferralStatus.COMPLETED,
        }
        for name, is_needed in needed.items():
            if is_needed != (getattr(self, name) is not None):
                raise ValueError(f"{name} is {'needed' if is_needed else 'not for'} {self.to}")
        return self


class AnswerRequest(Payload):
    person_answer: PersonAnswer


Hours = Annotated[
    str,
    Field(
        pattern=r"^(MO|TU|WE|TH|FR|SA|SU) ([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
    ),
]


class CardCodeHandOver(Payload):
    """The person shows their card. `card_code` when it is not the card made in the same call."""

    kind: Literal["card_code"]
    card_code: Annotated[str | None, Field(max_length=32)] = None


class AppointmentHandOver(Payload):
    kind: Literal["appointment"]
    starts_at: Instant
    ends_at: Instant

    @model_validator(mode="after")
    def ends_after_start(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at")
        return self


class ContactHandOver(Payload):
    """Kept sealed for the receiver and destroyed at closure. A first name, never a whole one."""

    kind: Literal["contact"]
    first_name: Annotated[str, Field(pattern=r"^[^\W\d_]+(['’ -][^\W\d_]+)?$", max_length=40)]
    phone: Annotated[str | None, Field(pattern=r"^\+[1-9]\d{6,14}$")] = None
    language: LanguageCode
    hours: Annotated[tuple[Hours, ...], Field(max_length=14)] = ()


HandOverRequest = Annotated[
    CardCodeHandOver | AppointmentHandOver | ContactHandOver, Field(discriminator="kind")
]


class ContactPublic(Answer):
    first_name: str
    phone: str | None
    language: str
    hours: list[str]


class HandOverPublic(Answer):
    """How to recognise the person; all but the kind is null once the referral is over."""

    kind: HandOverKind
    card_code: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    contact: ContactPublic | None
    destroyed_at: datetime | None


class ReferralPublic(Answer):
    """What a party to a referral sees. `closed_at` is null while the person is owed an answer."""

    id: UUID
    handle: str
    role: Role
    status: ReferralStatus
    purpose: Purpose
    needs: list[str]
    service_id: UUID
    sender_organization: UUID
    receiver_organization: UUID
    accompaniment: Accompaniment
    consent_id: UUID | None
    follows: UUID | None
    local_reference: str | None
    reason: TransitionReason | None
    rerouted_to: UUID | None
    on_hold_until: datetime | None
    service_outcome: ServiceOutcome | None
    outcome_code: OutcomeCode | None
    person_answer: PersonAnswer | None
    person_answer_at: datetime | None
    person_answer_by: AnsweredBy | None
    hand_over: HandOverPublic | None
    next: list[ReferralStatus]
    is_overdue: bool
    created_at: datetime
    updated_at: datetime
    due_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    version: int


class ClosedReferralPublic(Answer):
    """All that a receiver learns of a referral that was taken back, whoever did it and why."""

    id: UUID
    status: Literal["closed"]
    version: int


class ReferralItem(Answer):
    """A line of a list: enough to choose the next thing to do, nothing to recognise anyone by."""

    id: UUID
    handle: str
    status: ReferralStatus
    needs: list[str]
    service_id: UUID
    sender_organization: UUID
    receiver_organization: UUID
    local_reference: str | None
    person_answer: PersonAnswer | None
    is_overdue: bool
    created_at: datetime
    due_at: datetime
    closed_at: datetime | None
    version: int


class StepPublic(Answer):
    at: datetime
    from_status: ReferralStatus | None
    to_status: ReferralStatus
    by: Role
    person_answer: PersonAnswer | None
