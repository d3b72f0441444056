"""Objections: recorded once, kept for good, withdrawn on the person's word."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_campaigns.errors import InvalidIdentifier, UnknownTheme
from maillage_campaigns.events import AuditEvent
from maillage_campaigns.identifiers import BadCell, parse_national_number, parse_phone
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import Campaign, Objection, ObjectionSource
from maillage_campaigns.objecting import record_objection
from maillage_campaigns.objections.schemas import ObjectionGiven
from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.codes import nearest
from maillage_common.dates import today
from maillage_common.errors import FieldError, NotFound


async def object_to_calls(
    session: AsyncSession,
    audit: AuditTrail,
    keys: TenantKeys,
    given: ObjectionGiven,
    *,
    source: ObjectionSource,
) -> Objection:
    """The objection, new or held already. It also holds for people who are on no list yet."""
    campaign = None
    if given.campaign_id is not None:
        campaign = await session.get(Campaign, given.campaign_id)
        if campaign is None:
            raise NotFound
    if given.theme is not None:
        await _check_theme(session, given.theme)
    person_key, phone_key = _keys(keys, given)
    made = await record_objection(
        session,
        tenant=keys.tenant,
        scope=given.scope,
        campaign=campaign,
        theme=given.theme,
        source=source,
        person_key=person_key,
        phone_key=phone_key,
    )
    held = await _find(session, keys.tenant, given, person_key, phone_key)
    if made is not None:
        audit.record(AuditEvent.OBJECTION_RECORDED, entity="objection", entity_id=held.id)
    return held


async def withdraw_objection(
    session: AsyncSession, audit: AuditTrail, objection_id: UUID, *, tenant: str
) -> Objection:
    """Idempotent. Opens no old case."""
    held = (
        await session.exec(
            select(Objection)
            .where(Objection.tenant == tenant, Objection.id == objection_id)
            .with_for_update()
        )
    ).first()
    if held is None:
        raise NotFound
    if held.withdrawn_at is None:
        held.withdrawn_at = clock.now()
        audit.record(AuditEvent.OBJECTION_WITHDRAWN, entity="objection", entity_id=held.id)
    return held


async def _check_theme(session: AsyncSession, theme: str) -> None:
    """Coordinators make themes; whoever handles a person's data names one of theirs."""
    themes = (await session.exec(select(Campaign.theme).distinct())).all()
    if theme not in themes:
        near = nearest(theme, {known: {} for known in themes})
        raise UnknownTheme([UnknownTheme.fault("/theme", near)])


def _keys(keys: TenantKeys, given: ObjectionGiven) -> tuple[bytes | None, bytes | None]:
    """The pseudonym that lists use for the same number or id."""
    try:
        if given.national_number is not None:
            digits, _, _ = parse_national_number(given.national_number, today=today())
            return keys.pseudonym("national-number", digits), None
        if given.phone is not None:
            return None, keys.pseudonym("phone", parse_phone(given.phone))
    except BadCell as bad:
        name = "national_number" if given.national_number is not None else "phone"
        fault = FieldError(bad.code.replace("-", "_"), "Check the number.", pointer=f"/{name}")
        raise InvalidIdentifier(errors=[fault]) from None
    assert given.external_id is not None
    return keys.pseudonym("external-id", given.external_id.casefold()), None


async def _find(
    session: AsyncSession,
    tenant: str,
    given: ObjectionGiven,
    person_key: bytes | None,
    phone_key: bytes | None,
) -> Objection:
    key = (
        col(Objection.person_key) == person_key
        if person_key
        else col(Objection.phone_key) == phone_key
    )
    return (
        await session.exec(
            select(Objection).where(
                Objection.tenant == tenant,
                Objection.scope == given.scope,
                col(Objection.campaign_id).is_not_distinct_from(given.campaign_id),
                col(Objection.theme).is_not_distinct_from(given.theme),
                col(Objection.withdrawn_at).is_(None),
                key,
            )
        )
    ).one()
