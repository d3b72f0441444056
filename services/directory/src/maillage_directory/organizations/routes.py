"""`/directory/v1/organizations`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from maillage_common.app import maillage_router
from maillage_common.audit import Audit
from maillage_common.database import ReadSession, WriteSession
from maillage_common.pagination import CursorsDep, Page
from maillage_common.preconditions import IfMatch
from maillage_directory.answers import JsonAnswer, answer_with_tag
from maillage_directory.callers import AcceptLanguage, Admin, Anyone, Editor
from maillage_directory.languages import preferred
from maillage_directory.organizations import leaving, service
from maillage_directory.organizations.schemas import (
    DelistingPublic,
    NewOrganization,
    OrganizationParams,
    OrganizationPublic,
)
from maillage_directory.records.merging import OrganizationChange
from maillage_directory.tags import card_tag

router = maillage_router(prefix="/directory/v1", tags=["organizations"])
_ONE: dict[int | str, dict[str, Any]] = {200: {"model": OrganizationPublic}}
_MADE: dict[int | str, dict[str, Any]] = {201: {"model": OrganizationPublic}}


@router.get(
    "/organizations",
    name="list_organizations",
    responses={200: {"model": Page[OrganizationPublic]}},
    response_class=JsonAnswer,
)
async def list_organizations(
    params: Annotated[OrganizationParams, Query()],
    session: ReadSession,
    cursors: CursorsDep,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    page = await service.read_organizations(
        session, params, caller=caller, language=language, cursors=cursors
    )
    return JsonAnswer(page, headers={"Content-Language": language, "Vary": "Accept-Language"})


@router.get(
    "/organizations/{organization_id}",
    name="get_organization",
    responses=_ONE,
    response_class=JsonAnswer,
)
async def get_organization(
    organization_id: UUID,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Response:
    language = preferred(accept_language)
    version, answer = await service.read_organization(
        session, organization_id, caller=caller, language=language
    )
    return answer_with_tag(answer, tag=card_tag(version, answer), language=language)


@router.post(
    "/organizations",
    name="create_organization",
    status_code=201,
    responses=_MADE,
    response_class=JsonAnswer,
)
async def create_organization(
    payload: NewOrganization,
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Admin,
    accept_language: AcceptLanguage = None,
) -> Response:
    organization_id = await service.create_organization(
        session, payload, audit=audit, vocabulary=request.app.state.vocabulary
    )
    language = preferred(accept_language)
    version, answer = await service.read_organization(
        session, organization_id, caller=caller, language=language
    )
    return answer_with_tag(
        answer,
        tag=card_tag(version, answer),
        language=language,
        status=201,
        location=f"/directory/v1/organizations/{organization_id}",
    )


@router.patch(
    "/organizations/{organization_id}",
    name="change_organization",
    responses=_ONE,
    response_class=JsonAnswer,
)
async def change_organization(
    organization_id: UUID,
    change: OrganizationChange,  # type: ignore[valid-type]
    request: Request,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
    accept_language: AcceptLanguage = None,
) -> Response:
    """A JSON merge patch (RFC 7396): objects merge, `null` clears, lists are replaced."""
    await service.change_organization(
        session,
        organization_id,
        change,
        if_match=if_match,
        caller=caller,
        audit=audit,
        vocabulary=request.app.state.vocabulary,
    )
    language = preferred(accept_language)
    version, answer = await service.read_organization(
        session, organization_id, caller=caller, language=language
    )
    return answer_with_tag(answer, tag=card_tag(version, answer), language=language)


@router.delete("/organizations/{organization_id}", name="delete_organization", status_code=204)
async def delete_organization(
    organization_id: UUID,
    session: WriteSession,
    audit: Audit,
    caller: Editor,
    if_match: IfMatch = None,
) -> None:
    """From then on 410, and a tombstone in the feed. Its services must be gone before."""
    await leaving.delete_organization(
        session, organization_id, if_match=if_match, caller=caller, audit=audit
    )


@router.post("/organizations/{organization_id}/delisting", name="delist_organization")
async def delist_organization(
    organization_id: UUID, session: WriteSession, audit: Audit, caller: Editor
) -> DelistingPublic:
    """No longer shown to anyone else, with all its services: at once, whatever its sources say."""
    delisted_at = await leaving.delist_organization(
        session, organization_id, caller=caller, audit=audit
    )
    return DelistingPublic(organization=organization_id, delisted_at=delisted_at)


@router.delete(
    "/organizations/{organization_id}/delisting", name="relist_organization", status_code=204
)
async def relist_organization(
    organization_id: UUID, session: WriteSession, audit: Audit, caller: Editor
) -> None:
    """Take a delisting back; then say who may see it (`visibility`)."""
    await leaving.relist_organization(session, organization_id, caller=caller, audit=audit)
