"""`/directory/v1/programs` and their coverage."""

from typing import Annotated

from fastapi import Query, Response

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_directory.answers import JsonAnswer, answer_whole
from maillage_directory.callers import AcceptLanguage, Anyone
from maillage_directory.languages import preferred
from maillage_directory.programs import service
from maillage_directory.programs.schemas import CoverageParams, CoveragesPublic, ProgramsPublic

router = maillage_router(prefix="/directory/v1", tags=["programs"])


@router.get(
    "/programs",
    name="list_programs",
    responses={200: {"model": ProgramsPublic}},
    response_class=JsonAnswer,
)
async def list_programs(
    session: ReadSession, caller: Anyone, accept_language: AcceptLanguage = None
) -> Response:
    language = preferred(accept_language)
    return answer_whole(await service.read_programs(session, language=language), language)


@router.get("/programs/{code}/coverage", name="list_coverage")
async def list_coverage(
    code: str,
    params: Annotated[CoverageParams, Query()],
    session: ReadSession,
    caller: Anyone,
    accept_language: AcceptLanguage = None,
) -> CoveragesPublic:
    """Which organization covers which territory for this program."""
    return await service.read_coverage(
        session, code, params, caller=caller, language=preferred(accept_language)
    )
