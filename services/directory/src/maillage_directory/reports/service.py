"""Reports: FR/NL parity, and the dashboard of a territory."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_directory.errors import TerritoryNotFound, UnknownTerritory
from maillage_directory.languages import in_language
from maillage_directory.reports.queries import count_parity, count_territory
from maillage_directory.reports.schemas import ParityParams
from maillage_directory.visibility import layer_of
from maillage_directory.vocabulary import Vocabulary


async def read_parity(
    session: AsyncSession, params: ParityParams, *, caller: Caller, vocabulary: Vocabulary
) -> list[Any]:
    if params.territory is not None:
        await vocabulary.check(session, [(UnknownTerritory, "territory", params.territory)])
    return list(await count_parity(session, layer_of(caller), params))


async def read_territory(
    session: AsyncSession, code: str, *, caller: Caller, language: str, vocabulary: Vocabulary
) -> dict[str, Any]:
    """The dashboard of `code` and what certainly lies in it; raises TerritoryNotFound."""
    terms = await vocabulary.terms(session)
    if code not in terms.territories:
        raise TerritoryNotFound
    offer, met, staleness = await count_territory(
        session, layer_of(caller), code, terms.inside(code), now=clock.now()
    )
    answered = {row.need for row in offer if row.territory == code}
    return {
        "territory": code,
        "label": in_language(terms.territories[code], language),
        "offer": offer,
        "uncovered": sorted(set(terms.needs) - answered),
        "met": met,
        "staleness": staleness,
    }
