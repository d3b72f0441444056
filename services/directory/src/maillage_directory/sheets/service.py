"""The offline bundle of a territory: its services in one HTML file, made as it is sent."""

from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.database import Database
from maillage_common.dates import day_of
from maillage_directory.cards.rendering import render_service
from maillage_directory.cards.selecting import Condition, Wanted, wanted_cards
from maillage_directory.cards.streaming import stream_rows
from maillage_directory.errors import TerritoryNotFound
from maillage_directory.languages import in_language
from maillage_directory.sheets.pages import SheetItem, page_head, page_tail, service_sections
from maillage_directory.sheets.schemas import SheetParams
from maillage_directory.sheets.wording import day_text, word
from maillage_directory.visibility import PUBLIC_LAYER, Layer
from maillage_directory.vocabulary import Terms, Vocabulary

_CARDS = (
    "SELECT c.content, c.verified_at, c.version, c.updated_at FROM card c"
    " WHERE {where} AND c.content->>'status' IN ('active', 'temporarily closed')"
    " ORDER BY c.sort_name, c.resource_id"
)


async def prepare_bundle(
    session: AsyncSession,
    database: Database,
    code: str,
    params: SheetParams,
    *,
    layer: Layer,
    language: str,
    vocabulary: Vocabulary,
) -> AsyncIterator[bytes]:
    """The page in pieces; raises TerritoryNotFound before the first."""
    terms = await vocabulary.terms(session)
    if code not in terms.territories:
        terms = await vocabulary.terms(session, afresh=True)
    if code not in terms.territories:
        raise TerritoryNotFound
    shown_to = layer if params.audience == "professional" else PUBLIC_LAYER
    condition = await _real_ones_first(session, code, shown_to, terms)
    return _pages(database, code, condition, shown_to, terms, language, clock.now())


async def _real_ones_first(
    session: AsyncSession, code: str, layer: Layer, terms: Terms
) -> Condition:
    """The services of the demonstration only where there are no others, as the search does."""
    wanted = Wanted(territories=(code,), kinds=("service",))
    condition = wanted_cards(wanted, layer, terms)
    connection = await session.connection()
    found = await connection.execute(
        text(f"SELECT EXISTS (SELECT FROM card c WHERE {condition.sql})"),  # noqa: S608
        condition.parameters,
    )
    if found.scalar_one():
        return condition
    return wanted_cards(
        Wanted(territories=(code,), kinds=("service",), with_demo=True), layer, terms
    )


async def _pages(
    database: Database,
    code: str,
    condition: Condition,
    layer: Layer,
    terms: Terms,
    language: str,
    now: datetime,
) -> AsyncIterator[bytes]:
    title = in_language(terms.territories[code], language) or code
    made = word(language, "offline", day_text(day_of(now)))
    yield page_head(title, language=language, lines=[made], with_search=True).encode()
    is_empty = True
    statement = _CARDS.format(where=condition.sql)
    async for rows in stream_rows(database, statement, condition.parameters):
        items = (SheetItem(render_service(row, layer, language=language, now=now)) for row in rows)
        for section in service_sections(items, terms.needs, language=language, now=now):
            is_empty = False
            yield section.encode()
    yield page_tail(language, is_empty=is_empty).encode()
