"""Recording what came of a call. Nothing that happens afterwards may lose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.calling import queries
from maillage_campaigns.calling.leasing import Desk, hold_lease
from maillage_campaigns.calling.lifecycle import AttemptFact, derive_disposition
from maillage_campaigns.calling.presenting import describe_attempt, describe_orientation
from maillage_campaigns.calling.schemas import AttemptGiven, AttemptRecorded, CasePublic
from maillage_campaigns.clients import ReferralsClient
from maillage_campaigns.errors import LeaseEnded, StaleFencingToken, UnknownNumber
from maillage_campaigns.events import AuditEvent, CampaignsEvent
from maillage_campaigns.models import (
    Attempt,
    CallCase,
    Campaign,
    LateResult,
    Lease,
    ObjectionScope,
    ObjectionSource,
    Observation,
    Orientation,
    OrientationState,
    Person,
    PersonPhone,
)
from maillage_campaigns.objecting import record_objection
from maillage_campaigns.placing import PLACE_ORIENTATION, place_orientation
from maillage_campaigns.results import MEANINGS, CallResult
from maillage_campaigns.rules import CallingRules
from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.code_copies import KnownCodes
from maillage_common.columns import uuid7
from maillage_common.database import Database
from maillage_common.dates import day_of
from maillage_common.events import log
from maillage_common.jobs import defer

_GONE = frozenset({CallResult.MOVED_AWAY, CallResult.LEFT_MUTUALITY})
_RETRY_AFTER = timedelta(seconds=5)


@dataclass(frozen=True)
class Line:
    """What an attempt reaches beyond its own transaction."""

    database: Database
    referrals: ReferralsClient
    needs: KnownCodes
    caller_token: str | None


async def record_attempt(
    session: AsyncSession,
    audit: AuditTrail,
    desk: Desk,
    line: Line,
    lease_id: UUID,
    given: AttemptGiven,
) -> AttemptRecorded:
    """The attempt under the person's newest fencing token; the same again gives the same answer.

    Under an old token, or after release, the result is sealed as evidence and refused.
    """
    content_key = desk.keys.pseudonym("attempt", f"{lease_id}:{given.model_dump_json()}")
    try:
        lease, person = await hold_lease(session, desk, lease_id, fencing_token=given.fencing_token)
    except (StaleFencingToken, LeaseEnded):
        held = await _find_same(session, desk, lease_id, content_key)
        if held is not None:
            return held
        await line.needs.check(session, given.needs_named())
        await _keep_evidence(line.database, desk, lease_id, given, content_key)
        raise
    await line.needs.check(session, given.needs_named())
    phones = await queries.list_phones(session, lease)
    attempt = _attempt(desk, lease, phones, given, content_key)
    session.add(attempt)
    _note_person(person, phones, given)
    campaign = await queries.get_campaign(session, lease.campaign_id)
    await _object(session, person, campaign, given)
    case = await _derive(session, lease, person, phones, campaign)
    lease.completed_at = clock.now()
    person.leased_until = None
    await _note_obstacles(session, person, given)
    orientation = await _orient(session, desk, line, attempt, given)
    audit.record(
        AuditEvent.ATTEMPT_RECORDED,
        entity="lease",
        entity_id=lease.id,
        subject=str(lease.person_id),
        purpose="call",
        changes={"result": given.result.value},
    )
    log(CampaignsEvent.ATTEMPT_RECORDED, campaign_id=str(campaign.id))
    await session.flush()
    return _answer(desk, attempt, case, orientation)


def _attempt(
    desk: Desk,
    lease: Lease,
    phones: Sequence[PersonPhone],
    given: AttemptGiven,
    content_key: bytes,
) -> Attempt:
    positions = {phone.position for phone in phones}
    if given.phone_position is not None and given.phone_position not in positions:
        raise UnknownNumber("Use a position of the lease's phones.")
    return Attempt.model_validate(
        {
            **given.model_dump(
                include={
                    "result",
                    "phone_position",
                    "started_at",
                    "ended_at",
                    "callback_at",
                    "needs",
                    "information_given",
                }
            ),
            "tenant": desk.tenant,
            "campaign_id": lease.campaign_id,
            "case_id": lease.case_id,
            "lease_id": lease.id,
            "counsellor": lease.counsellor,
            "obstacles": list(dict.fromkeys(met.code.value for met in given.obstacles)),
            "content_key": content_key,
        }
    )


def _note_person(person: Person, phones: Sequence[PersonPhone], given: AttemptGiven) -> None:
    """What the call taught about the person and the number; a later list does not undo it."""
    now = clock.now()
    if given.languages_heard is not None:
        person.languages_heard = given.languages_heard
    if given.result is CallResult.DECEASED:
        person.deceased_at = person.deceased_at or now
    if given.result in _GONE:
        person.moved_at = person.moved_at or now
    if MEANINGS[given.result].number_failed:
        position = given.phone_position or next(
            (phone.position for phone in phones if phone.failed_at is None), None
        )
        for phone in phones:
            if phone.position == position:
                phone.failed_at = phone.failed_at or now


async def _object(
    session: AsyncSession, person: Person, campaign: Campaign, given: AttemptGiven
) -> None:
    """A refusal is an objection to this campaign at least, for good."""
    scope = given.objection
    if scope is None and given.result is CallResult.REFUSED:
        scope = ObjectionScope.CAMPAIGN
    if scope is None:
        return
    await record_objection(
        session,
        tenant=person.tenant,
        scope=scope,
        campaign=campaign,
        theme=campaign.theme,
        source=ObjectionSource.CALL,
        person_key=person.person_key,
    )


async def _derive(
    session: AsyncSession,
    lease: Lease,
    person: Person,
    phones: Sequence[PersonPhone],
    campaign: Campaign,
) -> CallCase:
    await session.flush()
    attempts = await queries.list_attempts(session, lease)
    derived = derive_disposition(
        [AttemptFact(item.result, item.ended_at, item.callback_at) for item in attempts],
        CallingRules.model_validate(campaign.rules),
        has_objection=await queries.has_objection(session, person, phones, campaign),
        working_numbers=sum(phone.failed_at is None for phone in phones),
    )
    case = await queries.get_case(session, lease)
    case.result, case.aapor_class = derived.result, derived.aapor_class
    case.attempts, case.voicemails = derived.attempts, derived.voicemails
    case.next_due_at, case.callback_at = derived.next_due_at, derived.callback_at
    case.callback_by = lease.counsellor if derived.callback_at else None
    case.closed_because = derived.closed_because
    case.closed_at = clock.now() if derived.closed_because else None
    return case


async def _note_obstacles(session: AsyncSession, person: Person, given: AttemptGiven) -> None:
    """To the directory by a job: the row says nothing of whom or whose."""
    for met in given.obstacles:
        observation = Observation.model_validate(
            {
                "obstacle": met.code.value,
                "need": met.need,
                "territory": person.territory,
                "observed_on": day_of(given.ended_at),
            }
        )
        session.add(observation)
        await session.flush()
        await defer(session, "post_observation", observation_id=str(observation.id))


async def _orient(
    session: AsyncSession, desk: Desk, line: Line, attempt: Attempt, given: AttemptGiven
) -> Orientation | None:
    if given.orientation is None:
        return None
    wanted = given.orientation
    organization = desk.caller.organization
    orientation = Orientation.model_validate(
        {
            # From the lease, which one attempt ends: if we die after referrals answered and before
            # we commit, the attempt sent again asks for the same referral, not for a second one.
            "id": uuid5(attempt.lease_id, "orientation"),
            "tenant": desk.tenant,
            "campaign_id": attempt.campaign_id,
            "case_id": attempt.case_id,
            "attempt_id": attempt.id,
            "lease_id": attempt.lease_id,
            "counsellor": attempt.counsellor,
            "organization_id": UUID(organization) if organization else None,
            "service_id": wanted.service_id,
            "needs": wanted.needs,
            "consent": {
                "categories": wanted.consent.categories,
                "text": {
                    "language": wanted.consent.language,
                    "version": wanted.consent.text_version,
                },
                "with_interpreter": wanted.consent.with_interpreter,
            },
            "state": OrientationState.PENDING,
        }
    )
    session.add(orientation)
    await session.flush()
    settled = await place_orientation(
        session, line.referrals, desk.keys, orientation, caller_token=line.caller_token
    )
    if not settled:
        await defer(
            session,
            PLACE_ORIENTATION,
            lock=f"orientation:{orientation.id}",
            schedule_at=clock.now() + _RETRY_AFTER,
            orientation_id=str(orientation.id),
            tenant=desk.tenant,
        )
    return orientation


async def _find_same(
    session: AsyncSession, desk: Desk, lease_id: UUID, content_key: bytes
) -> AttemptRecorded | None:
    """The attempt that this very request made before, its answer lost on the way."""
    lease = await queries.get_lease(
        session, lease_id, tenant=desk.tenant, counsellor=desk.caller.subject
    )
    attempts = await queries.list_attempts(session, lease)
    same = next((item for item in attempts if item.content_key == content_key), None)
    if same is None:
        return None
    orientations = await queries.list_orientations(session, lease)
    orientation = next((item for item in orientations if item.attempt_id == same.id), None)
    return _answer(desk, same, await queries.get_case(session, lease), orientation)


async def _keep_evidence(
    database: Database, desk: Desk, lease_id: UUID, given: AttemptGiven, content_key: bytes
) -> None:
    """In a transaction of its own: the refusal rolls back this request's."""
    evidence_id = uuid7()
    async with database.write(desk.caller) as session:
        await session.exec(
            insert(LateResult)
            .values(
                tenant=desk.tenant,
                id=evidence_id,
                lease_id=lease_id,
                content_key=content_key,
                sealed=desk.keys.seal(
                    given.model_dump_json().encode(), context=f"late:{lease_id}".encode()
                ),
                received_at=clock.now(),
            )
            .on_conflict_do_nothing()
        )
        AuditTrail(session, desk.caller).record(
            AuditEvent.ATTEMPT_LATE, entity="lease", entity_id=lease_id
        )
    log(CampaignsEvent.ATTEMPT_LATE)


def _answer(
    desk: Desk, attempt: Attempt, case: CallCase, orientation: Orientation | None
) -> AttemptRecorded:
    return AttemptRecorded(
        attempt=describe_attempt(attempt),
        case=CasePublic.model_validate(case),
        orientation=describe_orientation(desk.keys, orientation) if orientation else None,
    )
