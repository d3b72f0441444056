"""Who stands behind a request: a worker of an organization, the person, or a service of ours."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller
from maillage_common.errors import IndividualRequired
from maillage_referrals.access import scope
from maillage_referrals.errors import (
    CardSessionEnded,
    FunctionRequired,
    OrganizationRequired,
    PersonRequired,
    ServiceRefused,
)
from maillage_referrals.keys import Keys
from maillage_referrals.models import Card

CARD_CLIENT = "card"
SUBJECT_SCOPE = "referrals:subject"
# The one service that may make an anonymous referral by itself.
OUTREACH_SERVICE = "campaigns"


@dataclass(frozen=True)
class Party:
    """`person` and `card` are set when the person's own card session calls, and only then."""

    caller: Caller
    keys: Keys
    organization: UUID | None = None
    person: UUID | None = None
    card: UUID | None = None

    @property
    def is_person(self) -> bool:
        return self.person is not None

    @property
    def is_outreach_machine(self) -> bool:
        return self.caller.is_machine and self.caller.client_id == OUTREACH_SERVICE

    @property
    def service(self) -> str | None:
        """Which service of ours acts for the worker, or by itself."""
        if self.caller.is_machine:
            return self.caller.client_id
        return OUTREACH_SERVICE if OUTREACH_SERVICE in self.caller.acting else None

    def own_organization(self) -> UUID:
        if self.organization is None:
            raise OrganizationRequired("Use the token of a worker of an organization.")
        return self.organization

    def own_function(self) -> str:
        if not self.caller.function:
            raise FunctionRequired("What may be seen depends on the function: ask for one.")
        return self.caller.function

    def own_person(self) -> UUID:
        if self.person is None:
            raise PersonRequired("Open a card session.")
        return self.person

    def refuse_services(self) -> None:
        """A service of ours never touches the record, whoever it acts for."""
        if self.service is not None:
            raise ServiceRefused

    def subject_of(self, handle: str) -> UUID:
        """Whom the handle means to this caller; somebody who does not exist when to nobody."""
        if self.person is not None:
            return self.keys.subject_of_own_handle(handle)
        return self.keys.subject_of_handle(handle, self.own_organization())

    def handle_of(self, subject_id: UUID) -> str:
        if self.person is not None:
            return self.keys.own_handle(subject_id)
        return self.keys.handle(subject_id, self.own_organization())

    def speaking_for(self, organization: UUID, function: str | None) -> "Party":
        caller = replace(self.caller, function=function)
        return replace(self, organization=organization, caller=caller)


async def identify(session: AsyncSession, caller: Caller, keys: Keys) -> Party:
    """Who the caller is here; states it to PostgreSQL."""
    if caller.has(SUBJECT_SCOPE):
        return await _identify_person(session, caller, keys)
    organization = _organization(caller)
    await scope.enter(session, organization=organization)
    return Party(caller=caller, keys=keys, organization=organization)


def _organization(caller: Caller) -> UUID | None:
    if caller.organization is None:
        return None
    try:
        return UUID(caller.organization)
    except ValueError:
        raise OrganizationRequired(
            "The token's organization is not one of the directory."
        ) from None


async def _identify_person(session: AsyncSession, caller: Caller, keys: Keys) -> Party:
    if caller.client_id != CARD_CLIENT:
        raise IndividualRequired("Open a card session.")
    opened = keys.read_session_subject(caller.subject)
    if opened is None:
        raise CardSessionEnded
    subject_id, card_id = opened
    await scope.enter(session, person=subject_id)
    live = await session.exec(
        select(Card.id).where(col(Card.id) == card_id, col(Card.revoked_at).is_(None))
    )
    if live.first() is None:
        raise CardSessionEnded
    return Party(caller=caller, keys=keys, person=subject_id, card=card_id)
