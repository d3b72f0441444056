"""Checks of services and organizations: `/directory/v1/services/{service_id}/verifications` …"""

from typing import Annotated
from uuid import UUID

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.auth import Caller, requires
from maillage_common.database import WriteSession
from maillage_directory.verifications import service
from maillage_directory.verifications.schemas import (
    NewVerification,
    OrganizationVerificationPublic,
    ServiceVerificationPublic,
)
from maillage_directory.visibility import VERIFY

router = maillage_router(prefix="/directory/v1", tags=["verifications"])
Verifier = Annotated[Caller, requires(VERIFY)]


@router.post("/services/{service_id}/verifications", name="verify_service", status_code=201)
async def verify_service(
    service_id: UUID,
    payload: NewVerification,
    session: WriteSession,
    audit: Audit,
    caller: Verifier,
) -> ServiceVerificationPublic:
    made = await service.verify_service(session, service_id, payload, caller=caller, audit=audit)
    return ServiceVerificationPublic.model_validate(made)


@router.post(
    "/organizations/{organization_id}/verifications", name="verify_organization", status_code=201
)
async def verify_organization(
    organization_id: UUID,
    payload: NewVerification,
    session: WriteSession,
    audit: Audit,
    caller: Verifier,
) -> OrganizationVerificationPublic:
    made = await service.verify_organization(
        session, organization_id, payload, caller=caller, audit=audit
    )
    return OrganizationVerificationPublic(
        id=made["id"],
        organization_id=organization_id,
        fields=made["fields"],
        verified_at=made["verified_at"],
    )
