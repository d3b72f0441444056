"""`GET /directory/v1/exports/{format}`."""

from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.responses import StreamingResponse

from maillage_common.app import maillage_router
from maillage_common.database import DatabaseDep, ReadSession
from maillage_directory.agenda.calendar import MEDIA_TYPE
from maillage_directory.agenda.routes import list_events_as_calendar
from maillage_directory.callers import Anyone
from maillage_directory.exports import service
from maillage_directory.exports.schemas import FILE_NAMES, MEDIA_TYPES, ExportFormat, ExportParams
from maillage_directory.visibility import layer_of

router = maillage_router(prefix="/directory/v1", tags=["exports"])
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, as it is made",
        "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()},
    }
}


# The agenda's own calendar, under the name that an export of it is looked for.
router.get(
    "/exports/ics",
    name="export_calendar",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)(list_events_as_calendar)


@router.get("/exports/{form}", name="export", responses=_FILE, response_class=StreamingResponse)
async def export(
    form: ExportFormat,
    params: Annotated[ExportParams, Query()],
    request: Request,
    session: ReadSession,
    database: DatabaseDep,
    caller: Anyone,
) -> StreamingResponse:
    """Every record that the caller may see, of one instant, in one file."""
    content = await service.prepare_export(
        session,
        database,
        params,
        form=form,
        layer=layer_of(caller),
        vocabulary=request.app.state.vocabulary,
    )
    return StreamingResponse(
        content,
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAMES[form]}"',
            "Cache-Control": "no-store",
        },
    )
