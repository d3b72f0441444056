"""`/hsds/v3`: the HSDS read API, open to anyone, and its profile."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from maillage_common.app import maillage_router
from maillage_common.database import DatabaseDep, ReadSession
from maillage_common.errors import NotFound
from maillage_common.schemas import Payload
from maillage_directory.answers import JsonAnswer, answer_whole
from maillage_directory.callers import AcceptLanguage, Anyone
from maillage_directory.hsds import api, profile, service
from maillage_directory.hsds.objects import OBJECTS, VERSION
from maillage_directory.hsds.schemas import (
    ApiInformation,
    HsdsPage,
    OrganizationFilters,
    PageParams,
    PlaceFilters,
    ServiceFilters,
    TermParams,
)
from maillage_directory.hsds.service import Listing, Reader
from maillage_directory.hsds.tables import TABLES
from maillage_directory.languages import preferred
from maillage_directory.visibility import layer_of

router = maillage_router(prefix="/hsds/v3", tags=["hsds"])
_NDJSON = "application/x-ndjson"
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"model": HsdsPage, "content": {_NDJSON: {"schema": {"type": "string"}}}}
}
# HSDS gives each list a POST twin, with the same parameters and no other effect.
_TWIN = {"x-no-idempotency": True}


async def reader_of(
    request: Request,
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> Reader:
    terms = await request.app.state.vocabulary.terms(session)
    return Reader(layer_of(caller), terms, preferred(accept_language))


ReaderDep = Annotated[Reader, Depends(reader_of, scope="function")]


async def _listed(
    session: ReadSession,
    database: DatabaseDep,
    reader: Reader,
    listing: Listing,
    params: PageParams,
) -> Response:
    if params.format == "ndjson":
        return StreamingResponse(listing.lines(database), media_type=_NDJSON)
    return answer_whole(await listing.page(session, params), reader.language)


@router.get("", name="hsds_information")
@router.get("/", name="hsds_root", include_in_schema=False)
async def read_information(request: Request, caller: Anyone) -> ApiInformation:
    """The version of HSDS, the profile, and the address of this API's OpenAPI document."""
    here = f"{request.app.state.settings.public_url}/hsds/v3"
    return ApiInformation(
        version=VERSION, profile=f"{here}/profile", openapi_url=f"{here}/openapi.json"
    )


@router.get("/services", name="hsds_services", responses=_PAGE)
@router.post("/services", name="hsds_services_twin", responses=_PAGE, openapi_extra=_TWIN)
async def list_services(
    params: Annotated[ServiceFilters, Query()],
    session: ReadSession,
    database: DatabaseDep,
    reader: ReaderDep,
) -> Response:
    listing = service.services(reader, params)
    return await _listed(session, database, reader, listing, params)


@router.get("/services/{service_id}", name="hsds_service")
async def read_service(service_id: UUID, session: ReadSession, reader: ReaderDep) -> Response:
    """One service with all that belongs to it."""
    found = await service.read_service(session, reader, service_id)
    return answer_whole(found, reader.language)


@router.get("/organizations", name="hsds_organizations", responses=_PAGE)
@router.post("/organizations", name="hsds_organizations_twin", responses=_PAGE, openapi_extra=_TWIN)
async def list_organizations(
    params: Annotated[OrganizationFilters, Query()],
    session: ReadSession,
    database: DatabaseDep,
    reader: ReaderDep,
) -> Response:
    listing = service.organizations(reader, params)
    return await _listed(session, database, reader, listing, params)


class _FullService(Payload):
    full_service: bool = False


@router.get("/organizations/{organization_id}", name="hsds_organization")
async def read_organization(
    organization_id: UUID,
    params: Annotated[_FullService, Query()],
    session: ReadSession,
    reader: ReaderDep,
) -> Response:
    """One organization with its services: id, name and status, or in full with full_service."""
    found = await service.read_organization(
        session, reader, organization_id, full_service=params.full_service
    )
    return answer_whole(found, reader.language)


@router.get("/service_at_locations", name="hsds_service_at_locations", responses=_PAGE)
@router.post(
    "/service_at_locations",
    name="hsds_service_at_locations_twin",
    responses=_PAGE,
    openapi_extra=_TWIN,
)
async def list_places(
    params: Annotated[PlaceFilters, Query()],
    session: ReadSession,
    database: DatabaseDep,
    reader: ReaderDep,
) -> Response:
    listing = await service.places(session, reader, params)
    return await _listed(session, database, reader, listing, params)


@router.get("/service_at_locations/{place_id}", name="hsds_service_at_location")
async def read_place(place_id: UUID, session: ReadSession, reader: ReaderDep) -> Response:
    found = await service.read_place(session, reader, place_id)
    return answer_whole(found, reader.language)


@router.get("/taxonomies", name="hsds_taxonomies", responses=_PAGE)
@router.post("/taxonomies", name="hsds_taxonomies_twin", responses=_PAGE, openapi_extra=_TWIN)
async def list_taxonomies(params: Annotated[PageParams, Query()], reader: ReaderDep) -> Response:
    found = service.taxonomies(reader, params)
    if params.format == "ndjson":
        lines = b"".join(bytes(JsonAnswer(item).body) + b"\n" for item in found["contents"])
        return Response(lines, media_type=_NDJSON)
    return answer_whole(found, reader.language)


@router.get("/taxonomies/{taxonomy_id}", name="hsds_taxonomy")
async def read_taxonomy(taxonomy_id: UUID, reader: ReaderDep) -> Response:
    return answer_whole(service.read_taxonomy(reader, taxonomy_id), reader.language)


@router.get("/taxonomy_terms", name="hsds_taxonomy_terms", responses=_PAGE)
@router.post(
    "/taxonomy_terms", name="hsds_taxonomy_terms_twin", responses=_PAGE, openapi_extra=_TWIN
)
async def list_terms(
    params: Annotated[TermParams, Query()],
    session: ReadSession,
    database: DatabaseDep,
    reader: ReaderDep,
) -> Response:
    listing = service.terms_listing(reader, params)
    return await _listed(session, database, reader, listing, params)


@router.get("/taxonomy_terms/{term_id}", name="hsds_taxonomy_term")
async def read_term(term_id: UUID, session: ReadSession, reader: ReaderDep) -> Response:
    found = await service.read_term(session, reader, term_id)
    return answer_whole(found, reader.language)


@router.get("/openapi.json", name="hsds_openapi")
async def read_openapi(request: Request, caller: Anyone) -> JsonAnswer:
    """This API's own document."""
    return JsonAnswer(api.document(request.app.state.settings.public_url))


@router.get("/profile", name="hsds_profile")
async def read_profile(request: Request, caller: Anyone) -> JsonAnswer:
    """The profile HSDS-BRU: what it is and where its files are."""
    return JsonAnswer(profile.describe(request.app.state.settings.public_url))


FileName = Annotated[str, Path(pattern=r"^[a-z_]+\.json$")]


@router.get("/profile/profile/{file}", name="hsds_profile_patch")
async def read_patch(file: FileName, request: Request, caller: Anyone) -> JsonAnswer:
    """A JSON merge patch (RFC 7386) on the HSDS file of the same name."""
    name = file.removesuffix(".json")
    if name == "openapi":
        return JsonAnswer(api.patch(request.app.state.settings.public_url))
    if name not in profile.patched():
        raise NotFound
    return JsonAnswer(profile.patch(name))


@router.get("/profile/schema/{file}", name="hsds_profile_schema")
@router.get("/schema/{file}", name="hsds_schema")
async def read_schema(file: FileName, caller: Anyone) -> JsonAnswer:
    """The whole schema of an object, or the descriptor of the tabular package."""
    name = file.removesuffix(".json")
    if name == "datapackage":
        return JsonAnswer(profile.datapackage(TABLES))
    if name not in OBJECTS:
        raise NotFound
    return JsonAnswer(profile.schema(name))
