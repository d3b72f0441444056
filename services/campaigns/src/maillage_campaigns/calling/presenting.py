"""A lease, a case and an orientation as the counsellor sees them; the seals are opened here."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.calling import queries
from maillage_campaigns.calling.schemas import (
    AttemptPublic,
    CasePublic,
    LeasePublic,
    OrientationPublic,
    PersonPublic,
    PhonePublic,
)
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import (
    Attempt,
    Campaign,
    Lease,
    Orientation,
    Person,
    PersonPhone,
)
from maillage_campaigns.placing import orientation_context
from maillage_campaigns.results import MEANINGS
from maillage_campaigns.rules import CallingRules
from maillage_common import clock


async def describe_lease(
    session: AsyncSession, keys: TenantKeys, lease: Lease, campaign: Campaign
) -> LeasePublic:
    """Everything needed for the call."""
    person = await queries.get_person(session, lease)
    case = await queries.get_case(session, lease)
    phones = await queries.list_phones(session, lease)
    participation = await queries.find_participation(session, lease.tenant, campaign.id)
    rules = CallingRules.model_validate(campaign.rules)
    languages = person.languages_heard or person.languages
    return LeasePublic(
        id=lease.id,
        campaign_id=campaign.id,
        fencing_token=lease.fencing_token,
        leased_at=lease.leased_at,
        expires_at=lease.expires_at,
        is_live=is_live(lease),
        opening=_opening(campaign, languages),
        caller_name=participation.caller_name if participation else {},
        ring_back_number=participation.ring_back_number if participation else None,
        may_leave_voicemail=case.voicemails < rules.max_voicemails,
        case=CasePublic.model_validate(case),
        person=describe_person(keys, person, phones),
        previous_attempts=[
            describe_attempt(attempt) for attempt in await queries.list_attempts(session, lease)
        ],
        orientations=[
            describe_orientation(keys, orientation)
            for orientation in await queries.list_orientations(session, lease)
        ],
    )


def is_live(lease: Lease) -> bool:
    return (
        lease.completed_at is None and lease.released_at is None and lease.expires_at > clock.now()
    )


def _opening(campaign: Campaign, languages: Sequence[str]) -> str | None:
    for language in (*languages, "fr", "nl", "en"):
        if language in campaign.opening:
            return campaign.opening[language]
    return None


def describe_person(
    keys: TenantKeys, person: Person, phones: Sequence[PersonPhone]
) -> PersonPublic:
    names = keys.unseal_json(person.sealed_names, context=person.person_key)
    return PersonPublic(
        first_name=names.get("first"),
        last_name=names.get("last"),
        full_name=names.get("full"),
        birth_year=person.birth_year,
        languages=person.languages_heard or person.languages,
        interpreter_needed=person.interpreter_needed,
        phones=[
            PhonePublic(
                position=phone.position,
                number=keys.unseal(phone.sealed, context=person.person_key).decode(),
                has_failed=phone.failed_at is not None,
            )
            for phone in phones
        ],
    )


def describe_attempt(attempt: Attempt) -> AttemptPublic:
    meaning = MEANINGS[attempt.result]
    return AttemptPublic(
        id=attempt.id,
        result=attempt.result,
        aapor_code=meaning.aapor_code,
        aapor_class=meaning.aapor_class,
        ended_at=attempt.ended_at,
        callback_at=attempt.callback_at,
        needs=attempt.needs,
        obstacles=attempt.obstacles,
        information_given=attempt.information_given,
    )


def describe_orientation(keys: TenantKeys, orientation: Orientation) -> OrientationPublic:
    code = None
    if orientation.sealed_card_code is not None:
        context = orientation_context(orientation)
        code = keys.unseal(orientation.sealed_card_code, context=context).decode()
    return OrientationPublic(
        id=orientation.id,
        service_id=orientation.service_id,
        needs=orientation.needs,
        state=orientation.state,
        referral_id=orientation.referral_id,
        card_code=code,
        referral_state=orientation.referral_state,
        person_answer=orientation.person_answer,
        is_closed=orientation.person_answer is not None,
        refused_code=orientation.refused_code,
        requested_at=orientation.requested_at,
    )
