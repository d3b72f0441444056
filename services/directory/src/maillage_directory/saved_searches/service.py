"""Use cases of saved searches: keep one, list them, remove one, tell what they find."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_common import clock
from maillage_common.auth import Caller
from maillage_common.webhooks import WebhookDelivery, WebhookEndpoint, publish
from maillage_directory.changes.reading import read_on
from maillage_directory.errors import (
    SavedSearchNotFound,
    UnknownNeed,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.models import RegisteredWebhook, SavedSearch
from maillage_directory.saved_searches.schemas import NewSavedSearch
from maillage_directory.search.conditions import Frozen, fragments
from maillage_directory.search.schemas import SearchParams
from maillage_directory.settings import Settings
from maillage_directory.visibility import Layer, layer_of, visible_record_sql
from maillage_directory.vocabulary import Terms, Vocabulary, load_terms
from maillage_directory.webhooks.service import get_webhook, secret_of

CHANGED = "saved_search.changed"
# One run reads on until nothing is left; a message names no more than this.
_NAMED = 500


async def save_search(
    session: AsyncSession, payload: NewSavedSearch, *, caller: Caller, vocabulary: Vocabulary
) -> SavedSearch:
    """Raises WebhookNotFound, UnknownNeed and the like."""
    webhook = await get_webhook(session, payload.webhook, caller=caller)
    query = payload.query
    await vocabulary.check(
        session,
        [
            *((UnknownNeed, f"/query/need/{n}", code) for n, code in enumerate(query.need)),
            *(
                (UnknownTerritory, f"/query/territory/{n}", code)
                for n, code in enumerate(query.territory)
            ),
            *((UnknownProgram, f"/query/program/{n}", c) for n, c in enumerate(query.program)),
        ],
    )
    made = SavedSearch(
        webhook_id=webhook.id,
        client_id=caller.client_id,
        organization_id=webhook.organization_id,
        function=layer_of(caller).function,
        query=query.model_dump(mode="json", exclude_unset=True),
    )
    session.add(made)
    await session.flush()
    return made


async def list_saved_searches(session: AsyncSession, *, caller: Caller) -> Sequence[SavedSearch]:
    found = await session.exec(_select_own(caller).order_by(col(SavedSearch.id)).limit(100))
    return found.all()


async def remove_saved_search(session: AsyncSession, search_id: UUID, *, caller: Caller) -> None:
    found = await session.exec(_select_own(caller).where(SavedSearch.id == search_id))
    saved = found.first()
    if saved is None:
        raise SavedSearchNotFound
    await session.delete(saved)


def _select_own(caller: Caller) -> SelectOfScalar[SavedSearch]:
    return select(SavedSearch).where(
        SavedSearch.client_id == caller.client_id,
        col(SavedSearch.organization_id).is_not_distinct_from(layer_of(caller).organization),
    )


async def tell_changes(session: AsyncSession, settings: Settings) -> bool:
    """Tell each saved search which services it finds among those that changed since the last run.

    Whether anything was read: then there may be more.
    """
    changed = await read_on(session, "saved searches", limit=_NAMED)
    services = list(dict.fromkeys(changed.services))
    if services:
        terms = await load_terms(session)
        found = await session.exec(
            select(SavedSearch, RegisteredWebhook).join(
                RegisteredWebhook, col(RegisteredWebhook.id) == col(SavedSearch.webhook_id)
            )
        )
        for saved, webhook in found.all():
            await _tell(session, saved, webhook, services, terms, settings)
    return changed.is_read


async def _tell(
    session: AsyncSession,
    saved: SavedSearch,
    webhook: RegisteredWebhook,
    services: Sequence[UUID],
    terms: Terms,
    settings: Settings,
) -> None:
    matching = await find_matching(session, saved, services, terms)
    if matching:
        await publish(
            session,
            [_endpoint(webhook, settings)],
            event=CHANGED,
            subject=str(saved.id),
            data={"saved_search": str(saved.id), "services": matching},
        )


async def find_matching(
    session: AsyncSession, saved: SavedSearch, services: Sequence[UUID], terms: Terms
) -> list[dict[str, str]]:
    """Of `services`, those the search finds now: `{"id", "changed_at"}` each."""
    params = SearchParams.model_validate(saved.query)
    parts = fragments(params, layer_of_search(saved), terms, Frozen(clock.now()))
    known = [f"COALESCE({state}, false)" for state in parts.states.values()]
    where = [*parts.where, *parts.then, f"NOT ({parts.outside})", *known]
    if params.certain_only:
        where += [f"NOT ({one})" for one in parts.uncertain]
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT r.resource_id, r.changed_at FROM service_search s"  # noqa: S608
            " JOIN card r ON r.resource_id = s.service_id"
            f" WHERE s.service_id = ANY (:among) AND NOT s.is_demo AND {' AND '.join(where)}"
            " ORDER BY r.changed_at, r.resource_id"
        ),
        {**parts.parameters, "among": list(services)},
    )
    return [{"id": str(row.resource_id), "changed_at": row.changed_at.isoformat()} for row in rows]


async def prepare_delivery(
    session: AsyncSession, delivery: WebhookDelivery, settings: Settings
) -> WebhookEndpoint | None:
    """Where a message goes, less what its reader may no longer see; None when nothing is left."""
    data = delivery.payload["data"]
    saved = await session.get(SavedSearch, UUID(data["saved_search"]))
    webhook = None if saved is None else await session.get(RegisteredWebhook, saved.webhook_id)
    if saved is None or webhook is None:
        return None
    visible, parameters = visible_record_sql(layer_of_search(saved), "r")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT r.resource_id::text FROM card r WHERE {visible}"  # noqa: S608
            " AND r.resource_id = ANY (CAST(:among AS uuid[]))"
        ),
        {**parameters, "among": [one["id"] for one in data["services"]]},
    )
    seen = set(rows.scalars())
    services = [one for one in data["services"] if one["id"] in seen]
    if not services:
        return None
    delivery.payload = {**delivery.payload, "data": {**data, "services": services}}
    return _endpoint(webhook, settings)


def layer_of_search(saved: SavedSearch) -> Layer:
    """A professional of that organization; never a curator of the whole, whoever saved it."""
    return Layer(
        is_professional=True,
        is_admin=False,
        organization=saved.organization_id,
        function=saved.function,
    )


def _endpoint(webhook: RegisteredWebhook, settings: Settings) -> WebhookEndpoint:
    return WebhookEndpoint(url=webhook.url, secret=secret_of(webhook, settings), events=[CHANGED])


def saved_search_public(saved: SavedSearch) -> dict[str, Any]:
    return {
        "id": saved.id,
        "webhook": saved.webhook_id,
        "query": saved.query,
        "created_at": saved.created_at,
    }
