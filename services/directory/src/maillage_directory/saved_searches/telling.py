"""What the job does: tell each saved search what it finds among what changed, and what left."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.webhooks import WebhookDelivery, WebhookEndpoint, publish
from maillage_directory.changes.reading import read_on
from maillage_directory.models import RegisteredWebhook, SavedSearch
from maillage_directory.saved_searches.queries import (
    layer_of_search,
    list_matching,
    update_matches,
)
from maillage_directory.settings import Settings
from maillage_directory.visibility import visible_record_sql
from maillage_directory.vocabulary import Terms, load_terms
from maillage_directory.webhooks.service import secret_of

CHANGED, LEFT = "saved_search.changed", "saved_search.left"
# One run reads on until nothing is left; a message names no more than this.
_NAMED = 500


async def tell_changes(session: AsyncSession, settings: Settings) -> bool:
    """Tell each saved search which services it finds, or no longer finds, among those that changed
    since the last run. Whether anything was read: then there may be more.
    """
    changed = await read_on(session, "saved searches", limit=_NAMED)
    services = list(dict.fromkeys([*changed.services, *changed.services_left]))
    if services:
        terms = await load_terms(session)
        found = await session.exec(
            select(SavedSearch, RegisteredWebhook).join(
                RegisteredWebhook, col(RegisteredWebhook.id) == col(SavedSearch.webhook_id)
            )
        )
        for saved, webhook in found.all():
            await _tell(session, saved, _endpoint(webhook, settings), services, terms)
    return changed.is_read


async def _tell(
    session: AsyncSession,
    saved: SavedSearch,
    endpoint: WebhookEndpoint,
    services: Sequence[UUID],
    terms: Terms,
) -> None:
    matching = await list_matching(session, saved, terms, services)
    left = await update_matches(
        session, saved, among=services, matching=[row.resource_id for row in matching]
    )
    noticed = clock.now().isoformat()
    told: dict[str, list[dict[str, str]]] = {
        CHANGED: [
            {"id": str(row.resource_id), "changed_at": row.changed_at.isoformat()}
            for row in matching
        ],
        LEFT: [{"id": str(service), "left_at": noticed} for service in left],
    }
    for event, listed in told.items():
        if listed:
            await publish(
                session,
                [endpoint],
                event=event,
                subject=str(saved.id),
                data={"saved_search": str(saved.id), "services": listed},
            )


async def prepare_delivery(
    session: AsyncSession, delivery: WebhookDelivery, settings: Settings
) -> WebhookEndpoint | None:
    """Where a message goes, less what its reader may no longer see; None when nothing is left.

    That something left is told to whoever was shown it.
    """
    data = delivery.payload["data"]
    saved = await session.get(SavedSearch, UUID(data["saved_search"]))
    webhook = None if saved is None else await session.get(RegisteredWebhook, saved.webhook_id)
    if saved is None or webhook is None:
        return None
    if delivery.event == CHANGED:
        services = await _still_seen(session, saved, data["services"])
        if not services:
            return None
        delivery.payload = {**delivery.payload, "data": {**data, "services": services}}
    return _endpoint(webhook, settings)


async def _still_seen(
    session: AsyncSession, saved: SavedSearch, services: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    visible, parameters = visible_record_sql(layer_of_search(saved), "r")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT r.resource_id::text FROM card r WHERE {visible}"  # noqa: S608
            " AND r.resource_id = ANY (CAST(:among AS uuid[]))"
        ),
        {**parameters, "among": [one["id"] for one in services]},
    )
    seen = set(rows.scalars())
    return [one for one in services if one["id"] in seen]


def _endpoint(webhook: RegisteredWebhook, settings: Settings) -> WebhookEndpoint:
    return WebhookEndpoint(
        url=webhook.url, secret=secret_of(webhook, settings), events=[CHANGED, LEFT]
    )
