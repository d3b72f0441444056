"""What changed since a position, as one caller may see it."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.pagination import Cursors
from maillage_directory.cards.rendering import render_organization, render_service
from maillage_directory.changes.queries import START, Feed, Position, get_feed, list_changes
from maillage_directory.changes.schemas import ChangeParams
from maillage_directory.errors import FeedMoved
from maillage_directory.models import ResourceType
from maillage_directory.visibility import Layer, layer_of


async def read_changes(
    session: AsyncSession,
    params: ChangeParams,
    *,
    caller: Caller,
    cursors: Cursors,
    language: str,
) -> dict[str, Any]:
    """A page of the feed; raises FeedMoved when the cursor's feed is not this one."""
    layer = layer_of(caller)
    feed = await get_feed(session, layer)
    query = ["changes", params.type]
    reader = _reader(feed, layer)
    after = START
    if params.since is not None:
        held, is_own, xid, seq = cursors.decode(params.since, query=query)
        if held != reader or (is_own and xid >= feed.last_xid):
            raise FeedMoved("Read the export again, then the feed from its start.")
        after = Position(is_own, xid, seq)
    rows = await list_changes(session, layer, after, kind=params.type, limit=params.limit + 1)
    shown = rows[: params.limit]
    if shown:
        after = Position(shown[-1].is_own, shown[-1].xid, shown[-1].seq)
    now = clock.now()
    return {
        "items": [_item(row, layer, language=language, now=now) for row in shown],
        "next_cursor": cursors.encode([reader, after.is_own, after.xid, after.seq], query=query),
        "has_more": len(rows) > params.limit,
    }


def _reader(feed: Feed, layer: Layer) -> str:
    """Whose copy this is: another layer, or other networks, would have been told other things."""
    seen = [feed.identity, layer.name, layer.is_admin, str(layer.organization), *feed.networks]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def _item(row: Any, layer: Layer, *, language: str, now: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {"id": str(row.resource_id), "type": row.resource_type}
    if row.left_at is not None:
        item["changed_at"] = item["deleted_at"] = row.left_at.isoformat()
        if row.into_id is not None:
            item["into"] = str(row.into_id)
        return item
    item["changed_at"] = row.changed_at.isoformat()
    if row.resource_type == ResourceType.SERVICE:
        item["record"] = render_service(row, layer, language=language, now=now)
        # True for a moment only: a copy would keep it.
        item["record"].pop("open_until", None)
    else:
        item["record"] = render_organization(row, layer, language=language)
    return item
