"""Use cases of programs."""

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.auth import Caller
from maillage_common.dates import today
from maillage_directory.errors import ProgramNotFound
from maillage_directory.languages import in_language
from maillage_directory.programs.queries import find_program, list_coverage, list_programs
from maillage_directory.programs.schemas import (
    CoverageParams,
    CoveragePublic,
    CoveragesPublic,
    ProgramPublic,
    ProgramsPublic,
)
from maillage_directory.visibility import layer_of


async def read_programs(session: AsyncSession, *, language: str) -> ProgramsPublic:
    return ProgramsPublic(
        items=[
            ProgramPublic.model_validate(
                {**program.model_dump(), "label": in_language(program.name, language)}
            )
            for program in await list_programs(session)
        ]
    )


async def read_coverage(
    session: AsyncSession, code: str, params: CoverageParams, *, caller: Caller, language: str
) -> CoveragesPublic:
    """Raises ProgramNotFound."""
    if await find_program(session, code) is None:
        raise ProgramNotFound
    on = params.on or today()
    rows = await list_coverage(session, layer_of(caller), code, on)
    return CoveragesPublic(
        items=[
            CoveragePublic.model_validate(
                {
                    **row._mapping,
                    "organization_label": in_language(row.organization_name, language),
                }
            )
            for row in rows
        ]
    )
