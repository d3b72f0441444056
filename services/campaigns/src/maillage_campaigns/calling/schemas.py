"""Leases and attempts as JSON. Only counsellors meet these shapes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from maillage_campaigns.models import ObjectionScope, OrientationState, PersonAnswer
from maillage_campaigns.results import AaporClass, CallResult, Category, ClosedBecause, Obstacle
from maillage_common.dates import Instant
from maillage_common.schemas import Answer, Payload

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
NeedCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,59}$")]
# As in referrals, which records the consent.
TextVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}([.-][0-9]{1,2}){0,2}$")]


def _each_once(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(codes))


Needs = Annotated[list[NeedCode], Field(max_length=20), AfterValidator(_each_once)]


class LeaseWanted(Payload):
    """`languages` the counsellor speaks; remembered, so that they are said once."""

    campaign_id: UUID
    languages: Annotated[list[Language], Field(min_length=1, max_length=20)] | None = None
    with_interpreter: bool = False


class TokenGiven(Payload):
    """The lease's fencing token; in bodies only, for URLs end up in logs."""

    fencing_token: Annotated[int, Field(ge=1)]


class ConsentOnPhone(Payload):
    """What the person agreed to, in their words' meaning; recorded by referrals as oral consent."""

    given: Literal[True]
    language: Language
    text_version: TextVersion = "1"
    categories: Annotated[list[Category], Field(max_length=5)] = Field(default_factory=list)
    with_interpreter: bool = False


class OrientationWanted(Payload):
    """To a service of the directory, with the person's consent."""

    service_id: UUID
    needs: Annotated[list[NeedCode], Field(min_length=1, max_length=10)]
    consent: ConsentOnPhone


class ObstacleMet(Payload):
    code: Obstacle
    need: NeedCode | None = None


class AttemptGiven(TokenGiven):
    """One dial and what came of it."""

    result: CallResult
    phone_position: Annotated[int, Field(ge=1, le=20)] | None = None
    started_at: Instant
    ended_at: Instant
    callback_at: Instant | None = None
    needs: Needs = Field(default_factory=list)
    obstacles: Annotated[list[ObstacleMet], Field(max_length=10)] = Field(default_factory=list)
    information_given: Needs = Field(default_factory=list)
    languages_heard: Annotated[list[Language], Field(min_length=1, max_length=10)] | None = None
    objection: ObjectionScope | None = None
    orientation: OrientationWanted | None = None

    @model_validator(mode="after")
    def _times_in_order(self) -> "AttemptGiven":
        if self.ended_at < self.started_at:
            raise ValueError("a call ends after it starts")
        if self.callback_at is not None and self.callback_at <= self.ended_at:
            raise ValueError("a callback comes after the call")
        if (self.result is CallResult.CALL_BACK) and self.callback_at is None:
            raise ValueError("call_back needs callback_at")
        return self

    def needs_named(self) -> list[tuple[str, str]]:
        """Every need in it, with the JSON pointer to it."""
        named = [(f"/needs/{n}", code) for n, code in enumerate(self.needs)]
        named += [(f"/information_given/{n}", c) for n, c in enumerate(self.information_given)]
        named += [
            (f"/obstacles/{n}/need", met.need)
            for n, met in enumerate(self.obstacles)
            if met.need is not None
        ]
        if self.orientation is not None:
            wanted = enumerate(self.orientation.needs)
            named += [(f"/orientation/needs/{n}", code) for n, code in wanted]
        return named


class PhonePublic(Answer):
    position: int
    number: str
    has_failed: bool


class PersonPublic(Answer):
    first_name: str | None
    last_name: str | None
    full_name: str | None
    birth_year: int | None
    languages: list[str]
    interpreter_needed: bool
    phones: list[PhonePublic]


class OrientationPublic(Answer):
    """`pending`: referrals did not answer yet; it is tried again without anyone doing anything."""

    id: UUID
    service_id: UUID
    needs: list[str]
    state: OrientationState
    referral_id: UUID | None
    card_code: str | None
    referral_state: str | None
    person_answer: PersonAnswer | None
    is_closed: bool
    refused_code: str | None
    requested_at: datetime


class AttemptPublic(Answer):
    id: UUID
    result: CallResult
    aapor_code: str
    aapor_class: AaporClass
    ended_at: datetime
    callback_at: datetime | None
    needs: list[str]
    obstacles: list[str]
    information_given: list[str]


class CasePublic(Answer):
    id: UUID
    result: CallResult | None
    aapor_class: AaporClass | None
    attempts: int
    next_due_at: datetime
    callback_at: datetime | None
    closed_because: ClosedBecause | None


class LeasePublic(Answer):
    """The person to call now, what to say first, and what was said before."""

    id: UUID
    campaign_id: UUID
    fencing_token: int
    leased_at: datetime
    expires_at: datetime
    is_live: bool
    opening: str | None
    caller_name: dict[str, str]
    ring_back_number: str | None
    may_leave_voicemail: bool
    case: CasePublic
    person: PersonPublic
    previous_attempts: list[AttemptPublic]
    orientations: list[OrientationPublic]


class WaitingReason(Answer):
    reason: Literal[
        "closed",
        "gone",
        "not_due",
        "leased",
        "language",
        "interpreter",
        "preferred_hours",
        "objection",
        "attempts_used_up",
        "no_number",
        "outside_calling_hours",
    ]
    count: int


class NobodyLeft(Answer):
    """Why there is nobody to call now, and when that changes (null: not by waiting)."""

    reasons: list[WaitingReason]
    next_due_at: datetime | None


class AttemptRecorded(Answer):
    """The attempt, the case as derived anew, and the orientation's state."""

    attempt: AttemptPublic
    case: CasePublic
    orientation: OrientationPublic | None


class FollowUp(Answer):
    """Something a counsellor promised or started: a callback, or an orientation on its way."""

    lease_id: UUID
    campaign_id: UUID
    case: CasePublic
    orientations: list[OrientationPublic]


class LeaseHeld(Answer):
    id: UUID
    fencing_token: int
    leased_at: datetime
    expires_at: datetime
    released_at: datetime | None
    completed_at: datetime | None
