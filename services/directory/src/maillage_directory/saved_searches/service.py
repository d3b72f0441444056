"""Use cases of saved searches: keep one, list them, remove one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from maillage_common.auth import Caller
from maillage_directory.errors import (
    SavedSearchNotFound,
    UnknownNeed,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.models import SavedSearch
from maillage_directory.saved_searches.queries import remember_matching
from maillage_directory.saved_searches.schemas import NewSavedSearch
from maillage_directory.visibility import layer_of
from maillage_directory.vocabulary import Vocabulary
from maillage_directory.webhooks.service import get_webhook


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
    await remember_matching(session, made, await vocabulary.terms(session))
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


def saved_search_public(saved: SavedSearch) -> dict[str, Any]:
    return {
        "id": saved.id,
        "webhook": saved.webhook_id,
        "query": saved.query,
        "created_at": saved.created_at,
    }
