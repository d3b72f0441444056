"""/objections: recorded by the back office or a counsellor, in their own mutuality."""

from typing import Annotated
from uuid import UUID

from fastapi import Request

from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import ObjectionSource
from maillage_campaigns.objections import service
from maillage_campaigns.objections.schemas import (
    ObjectionGiven,
    ObjectionPublic,
    WithdrawalGiven,
)
from maillage_campaigns.tenancy import CALL, LISTS, tenant_of
from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession

router = maillage_router(prefix="/campaigns/v1/objections", tags=["objections"])

TenantMember = Annotated[Caller, requires(LISTS, CALL)]


@router.post("", status_code=201)
async def object_to_calls(
    given: ObjectionGiven,
    caller: TenantMember,
    session: WriteSession,
    audit: Audit,
    request: Request,
) -> ObjectionPublic:
    """Someone objects; the same objection again answers the one that is held."""
    keys = TenantKeys(request.app.state.settings.secret, tenant_of(caller))
    source = ObjectionSource.BACK_OFFICE if caller.has(LISTS) else ObjectionSource.CALL
    held = await service.object_to_calls(session, audit, keys, given, source=source)
    return ObjectionPublic.model_validate(held)


@router.post("/{objection_id}/withdrawal")
async def withdraw_objection(
    objection_id: UUID,
    given: WithdrawalGiven,
    caller: TenantMember,
    session: WriteSession,
    audit: Audit,
) -> ObjectionPublic:
    """The person takes it back; nobody else can."""
    held = await service.withdraw_objection(session, audit, objection_id, tenant=tenant_of(caller))
    return ObjectionPublic.model_validate(held)
