"""`/directory/v1/needs`."""

from fastapi import Response

from maillage_common.app import maillage_router
from maillage_common.database import ReadSession
from maillage_directory.answers import JsonAnswer, answer_whole
from maillage_directory.callers import AcceptLanguage, Anyone
from maillage_directory.languages import in_language, preferred
from maillage_directory.needs.queries import list_needs
from maillage_directory.needs.schemas import NeedPublic, NeedsPublic

router = maillage_router(prefix="/directory/v1", tags=["needs"])


@router.get(
    "/needs",
    name="list_needs",
    responses={200: {"model": NeedsPublic}},
    response_class=JsonAnswer,
)
async def read_needs(
    session: ReadSession, caller: Anyone, accept_language: AcceptLanguage = None
) -> Response:
    """Every term, by code; `parent` makes the tree."""
    language = preferred(accept_language)
    needs = await list_needs(session)
    answer = NeedsPublic(
        items=[
            NeedPublic.model_validate(
                {**need.model_dump(), "label": in_language(need.name, language)}
            )
            for need in needs
        ]
    )
    return answer_whole(answer, language)
