"""The use case: answer one search, page by page. Nothing about the asker is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.database import Database
from maillage_common.pagination import Cursors
from maillage_directory.cards.rendering import render_service
from maillage_directory.errors import UnknownNeed, UnknownProgram, UnknownTerritory
from maillage_directory.search.conditions import Frozen, Way
from maillage_directory.search.queries import Reading, list_found
from maillage_directory.search.reasons import reasons, uncertainties
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Terms, Vocabulary


@dataclass(frozen=True)
class Asking:
    """Who reads the answer: what they may see, and in which language."""

    layer: Layer
    language: str


async def search_services(
    database: Database,
    params: SearchParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """One page, as JSON members; shape: `SearchPage`.

    Raises UnknownNeed, UnknownTerritory, UnknownProgram with near matches, and InvalidCursor or
    CursorOfAnotherQuery.
    """
    asking = Asking(layer_of(caller), language)
    query = _fingerprint(params, asking.layer)
    frozen, after = _position(cursors, params, query)
    # Nothing is asked of the session while the codes in memory are fresh.
    async with database.read() as session:
        terms = await vocabulary.check(session, _codes(params))
    way, rows = await list_found(
        database.reads, params, Reading(asking.layer, terms, frozen, after)
    )
    first, found = rows[0], [row for row in rows[: params.limit] if row.service_id is not None]
    next_cursor = None
    if len(rows) > params.limit:
        decided = Frozen(frozen.now, way, first.with_demo)
        next_cursor = _cursor(cursors, decided, found[-1], query)
    page = {
        "items": [_item(params, terms, row, asking, frozen.now) for row in found],
        "next_cursor": next_cursor,
        "total": first.total,
        "total_is_exact": first.total_is_exact,
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


def _item(
    params: SearchParams, terms: Terms, row: Any, asking: Asking, now: datetime
) -> dict[str, Any]:
    item = render_service(row, asking.layer, language=asking.language, now=now)
    item["match"] = {
        "score": row.points / 1_000_000,
        "reasons": reasons(
            params,
            terms,
            row,
            language=asking.language,
            closes_at=item.get("open_until"),
            now=now,
        ),
        "uncertain": uncertainties(params, terms, row, language=asking.language),
    }
    if row.distance_m is not None:
        item["distance_m"] = row.distance_m
    item["outside"] = bool(row.outside)
    item["is_saturated"] = row.is_saturated
    item["alternatives"] = [str(other) for other in row.alternatives or ()]
    return item


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
    cursors: Cursors, params: SearchParams, query: dict[str, Any]
) -> tuple[Frozen, Sequence[Any] | None]:
    if params.cursor is None:
        return Frozen(clock.now()), None
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
