"""What the caller has to check, the longest due first."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.pagination import Cursors, cut_page
from maillage_directory.errors import UnknownTerritory
from maillage_directory.languages import in_language
from maillage_directory.visibility import layer_of
from maillage_directory.vocabulary import Vocabulary
from maillage_directory.worklist.periods import PERIODS
from maillage_directory.worklist.queries import list_due
from maillage_directory.worklist.schemas import WorklistParams

_PERIODS = {(one.of, one.kind): one for one in PERIODS}
_LABELS = {
    "capacity": {"fr": "Disponibilité", "nl": "Beschikbaarheid"},
    "note": {"fr": "Signalé comme faux", "nl": "Als fout gemeld"},
    "suggestion": {"fr": "Proposition à décider", "nl": "Voorstel te beslissen"},
}


async def read_worklist(
    session: AsyncSession,
    params: WorklistParams,
    *,
    caller: Caller,
    cursors: Cursors,
    language: str,
    vocabulary: Vocabulary,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page; `now` is frozen in the cursor. Raises UnknownTerritory."""
    if params.territory is not None:
        await vocabulary.check(session, [(UnknownTerritory, "territory", params.territory)])
    layer = layer_of(caller)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = ["worklist", asked, str(layer.organization), layer.is_admin]
    now, after = clock.now(), None
    if params.cursor is not None:
        frozen, due_at, *rest = cursors.decode(params.cursor, query=query)
        now = datetime.fromisoformat(frozen)
        after = (datetime.fromisoformat(due_at), *rest)
    rows = await list_due(session, layer, params, now=now, after=after)
    shown, next_cursor = cut_page(
        rows,
        params.limit,
        key=lambda row: [
            *(now.isoformat(), row.due_at.isoformat()),
            *(str(row.record), row.kind, row.reason),
        ],
        cursors=cursors,
        query=query,
    )
    return [_shown(row, language) for row in shown], next_cursor


def _shown(row: Any, language: str) -> dict[str, Any]:
    period = _PERIODS.get((row.type, row.kind))
    words = _LABELS[row.kind] if period is None else {"fr": period.fr, "nl": period.nl}
    return {
        **row._mapping,
        "label": in_language(row.name, language),
        "kind_label": in_language(words, language),
        "fields": [] if period is None else list(period.fields),
    }
