"""The use case: answer one search, page by page. Nothing about the asker is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.database import Database
from maillage_common.pagination import Cursors
from maillage_directory.cards.kept import KeptCard, KeptCards
from maillage_directory.cards.rendering import render_passing
from maillage_directory.errors import UnknownNeed, UnknownProgram, UnknownTerritory
from maillage_directory.search.conditions import Frozen, Way
from maillage_directory.search.queries import Reading, list_found
from maillage_directory.search.reasons import Explaining
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def search_services(
    database: Database,
    params: SearchParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
    vocabulary: Vocabulary,
    cards: KeptCards,
) -> dict[str, Any]:
    """One page, as JSON members (its items are written already); shape: `SearchPage`.

    Raises UnknownNeed, UnknownTerritory, UnknownProgram with near matches, and InvalidCursor or
    CursorOfAnotherQuery.
    """
    layer = layer_of(caller)
    frozen, after = _position(cursors, params, layer)
    terms = vocabulary.known(_codes(params))
    if terms is None:
        async with database.read() as session:
            terms = await vocabulary.check(session, _codes(params))
    reading = Reading(layer, terms, frozen, after)
    answer = await list_found(database.reads, params, reading)
    first = answer.rows[0]
    found = [row for row in answer.rows[: params.limit] if row.service_id is not None]
    next_cursor = None
    if len(answer.rows) > params.limit:
        decided = Frozen(frozen.now, answer.way, first.with_demo)
        next_cursor = _cursor(cursors, decided, found[-1], _fingerprint(params, layer))
    kept = await cards.of(found, database.reads, layer, language=language)
    explaining = Explaining(params, terms, language=language, now=frozen.now)
    page = {
        "items": [
            _item(row, kept[row.service_id], explaining, frozen.now)
            for row in found
            if row.service_id in kept
        ],
        "next_cursor": next_cursor,
        "total": first.total,
        "total_is_exact": answer.is_exact,
        "unknown": {
            name.removeprefix("unknown_"): count
            for name, count in first._asdict().items()
            if name.startswith("unknown_")
        },
        "searched_at": frozen.now.isoformat(),
    }
    if params.facets:
        page["facets"] = first.facets
    return page


def _item(row: Any, card: KeptCard, explaining: Explaining, now: datetime) -> orjson.Fragment:
    item = render_passing(card.facts.get("capacity"), card.hours, now)
    item["match"] = {
        "score": row.points / 1_000_000,
        "reasons": explaining.reasons(row, card, closes_at=item.get("open_until")),
        "uncertain": explaining.uncertainties(row, card),
    }
    if row.distance_m is not None:
        item["distance_m"] = row.distance_m
    item["outside"] = bool(row.outside)
    item["is_saturated"] = row.is_saturated
    item["alternatives"] = row.alternatives or ()
    return orjson.Fragment(b"%b,%b" % (card.written, orjson.dumps(item)[1:]))


def _codes(params: SearchParams) -> list[tuple[Any, str, str]]:
    return [
        *((UnknownNeed, "need", code) for code in params.need),
        *((UnknownTerritory, "territory", code) for code in params.territory),
        *((UnknownProgram, "program", code) for code in params.program),
    ]


def _fingerprint(params: SearchParams, layer: Layer) -> dict[str, Any]:
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_defaults=True)
    return {
        "search": asked,
        "layer": layer.name,
        "organization": str(layer.organization),
        "function": layer.function,
    }


def _position(
    cursors: Cursors, params: SearchParams, layer: Layer
) -> tuple[Frozen, Sequence[Any] | None]:
    if params.cursor is None:
        return Frozen(clock.now()), None
    query = _fingerprint(params, layer)
    now, way, with_demo, *after = cursors.decode(params.cursor, query=query)
    return Frozen(datetime.fromisoformat(now), way and Way(way), with_demo), after


def _cursor(cursors: Cursors, frozen: Frozen, row: Any, query: dict[str, Any]) -> str:
    return cursors.encode(
        [
            frozen.now.isoformat(),
            frozen.way,
            frozen.with_demo,
            row.zone,
            row.late,
            row.uncertain,
            row.key,
            str(row.service_id),
        ],
        query=query,
    )
