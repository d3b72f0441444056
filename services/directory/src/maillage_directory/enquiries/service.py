"""Use cases of enquiries: ask a desk, answer, withdraw."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_directory.collections.queries import visible_services
from maillage_directory.enquiries.lifecycle import check_open
from maillage_directory.enquiries.queries import (
    find_enquiry,
    list_enquiries,
    list_services_of,
    lock_enquiry,
)
from maillage_directory.enquiries.schemas import (
    EnquiryParams,
    EnquiryPublic,
    NewAnswer,
    NewEnquiry,
    ServiceFound,
)
from maillage_directory.errors import (
    EnquiryNotFound,
    NotYourEnquiry,
    UnknownNeed,
    UnknownTerritory,
)
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import (
    Enquiry,
    EnquiryOutcome,
    EnquiryService,
    EnquiryState,
    ObservationKind,
    TerritoryKind,
)
from maillage_directory.observations.schemas import NewObservation
from maillage_directory.observations.service import note_observation
from maillage_directory.ownership import choose_owner
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary

# From the day it was asked: long enough for the desk's half-yearly report. What it found missing
# stays, as a gap.
KEPT_FOR = timedelta(days=183)
# A region has no desk; a postcode or a sector would tell where someone lives.
_WITHOUT_DESK = (TerritoryKind.REGION, TerritoryKind.POSTCODE, TerritoryKind.STATISTICAL_SECTOR)


async def ask(
    session: AsyncSession,
    payload: NewEnquiry,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    """Raises UnknownNeed, UnknownTerritory, InvalidRequest for a territory without a desk."""
    owner = await choose_owner(session, layer_of(caller), payload.organization)
    terms = await vocabulary.check(
        session,
        [(UnknownNeed, "/need", payload.need), (UnknownTerritory, "/territory", payload.territory)],
    )
    if terms.territory_kind[payload.territory] in _WITHOUT_DESK:
        raise InvalidRequest(
            errors=[FieldError("no_desk", "Ask a basin, commune, quartier or zone", "/territory")]
        )
    enquiry_id = uuid7()
    session.add(
        Enquiry.model_validate(
            {
                "id": enquiry_id,
                "organization_id": owner,
                "need_code": payload.need,
                "territory_code": payload.territory,
                "constraints": payload.constraints.model_dump(mode="json", exclude_defaults=True),
            }
        )
    )
    await session.flush()
    audit.record(AuditEvent.ENQUIRY_ASKED, entity="enquiry", entity_id=enquiry_id)
    return enquiry_id


async def read_enquiry(
    session: AsyncSession, enquiry_id: UUID, *, caller: Caller, language: str
) -> EnquiryPublic:
    """Raises EnquiryNotFound."""
    layer = layer_of(caller)
    row = await find_enquiry(session, layer, enquiry_id)
    if row is None:
        raise EnquiryNotFound
    return (await _shown(session, layer, [row], language))[0]


async def read_enquiries(
    session: AsyncSession,
    params: EnquiryParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> Page[EnquiryPublic]:
    """Those that the caller's organization asked, and those that it may answer."""
    layer = layer_of(caller)
    codes: list[tuple[Any, str, str]] = [
        (error, name, code)
        for error, name, code in (
            (UnknownTerritory, "territory", params.territory),
            (UnknownNeed, "need", params.need),
        )
        if code is not None
    ]
    terms = await vocabulary.check(session, codes)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"enquiries": asked, "organization": str(layer.organization)}
    before = UUID(cursors.decode(params.cursor, query=query)[0]) if params.cursor else None
    rows = await list_enquiries(session, layer, params, terms, before)
    page, cursor = cut_page(
        rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query
    )
    return Page(items=await _shown(session, layer, page, language), next_cursor=cursor)


async def answer(
    session: AsyncSession,
    enquiry_id: UUID,
    payload: NewAnswer,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Raises EnquiryNotFound, NotYourEnquiry, EnquiryClosed, InvalidRequest."""
    layer = layer_of(caller)
    row = await find_enquiry(session, layer, enquiry_id)
    if row is None:
        raise EnquiryNotFound
    if not row.is_desk:
        raise NotYourEnquiry
    stored = await _lock_open(session, enquiry_id)
    services = list(dict.fromkeys(payload.services))
    await _refuse_unseen(session, layer, payload.services, asker=stored.organization_id)
    stored.state = EnquiryState.ANSWERED
    stored.outcome = EnquiryOutcome.SERVICES_FOUND if services else EnquiryOutcome.NONE_FOUND
    stored.answered_at = clock.now()
    stored.answered_by = await _answering(session, layer)
    await session.flush()
    if services:
        connection = await session.connection()
        await connection.execute(
            insert(EnquiryService),
            [
                {"enquiry_id": enquiry_id, "service_id": service, "position": position}
                for position, service in enumerate(services)
            ],
        )
    else:
        await note_observation(
            session,
            NewObservation(
                kind=ObservationKind.GAP,
                need=stored.need_code,
                territory=stored.territory_code,
                external_id=f"enquiry {enquiry_id}",
            ),
            caller=caller,
            audit=audit,
            vocabulary=vocabulary,
        )
    audit.record(AuditEvent.ENQUIRY_ANSWERED, entity="enquiry", entity_id=enquiry_id)


async def _refuse_unseen(
    session: AsyncSession, desk: Layer, services: Sequence[UUID], *, asker: UUID
) -> None:
    """The desk names what it sees itself, and what those who asked will see in its answer."""
    seen = await visible_services(session, desk, services)
    asking = Layer(is_professional=True, is_admin=False, organization=asker, function=None)
    told = await visible_services(session, asking, services)
    unknown = ("unknown_service", "No service has this id")
    unseen = ("unseen_by_asker", "Who asked may not see this service: tell them otherwise")
    faults = [
        FieldError(*(unseen if service in seen else unknown), f"/services/{number}")
        for number, service in enumerate(services)
        if service not in seen & told
    ]
    if faults:
        raise InvalidRequest("See `errors` for each field.", errors=faults)


async def withdraw(
    session: AsyncSession, enquiry_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    """Raises EnquiryNotFound, NotYourEnquiry, EnquiryClosed."""
    layer = layer_of(caller)
    row = await find_enquiry(session, layer, enquiry_id)
    if row is None:
        raise EnquiryNotFound
    if not (row.is_own or layer.is_admin):
        raise NotYourEnquiry("Only who asked may withdraw it.")
    stored = await _lock_open(session, enquiry_id)
    stored.state = EnquiryState.WITHDRAWN
    await session.flush()
    audit.record(AuditEvent.ENQUIRY_WITHDRAWN, entity="enquiry", entity_id=enquiry_id)


async def erase_enquiries(session: AsyncSession, *, before: datetime) -> None:
    """Those asked before then, answered or not."""
    connection = await session.connection()
    await connection.execute(delete(Enquiry).where(col(Enquiry.created_at) < before))


async def _lock_open(session: AsyncSession, enquiry_id: UUID) -> Enquiry:
    stored = await lock_enquiry(session, enquiry_id)
    if stored is None:
        raise EnquiryNotFound
    check_open(stored.state)
    return stored


async def _answering(session: AsyncSession, layer: Layer) -> UUID | None:
    """The answering organization; an admin may have none in the directory."""
    if layer.organization is None:
        return None
    return await choose_owner(session, layer, None)


async def _shown(
    session: AsyncSession, layer: Layer, rows: Sequence[Any], language: str
) -> list[EnquiryPublic]:
    found: dict[UUID, list[ServiceFound]] = defaultdict(list)
    for one in await list_services_of(session, layer, [row.id for row in rows]):
        label = in_language(one.name, language) or ""
        found[one.enquiry_id].append(ServiceFound(service=one.service_id, label=label))
    return [
        EnquiryPublic.model_validate({**row._mapping, "services": found[row.id]}) for row in rows
    ]
