"""What a saved search finds now, and what it is known to have found."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_directory.models import SavedSearch
from maillage_directory.search.conditions import Frozen, fragments
from maillage_directory.search.places import DISTANCE
from maillage_directory.search.schemas import SearchParams
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Terms

_WORDS = "s.document @@ (public.directory_query(CAST(:words AS text[]), false)).holds"


def layer_of_search(saved: SavedSearch) -> Layer:
    """A professional of that organization; never an admin, whoever saved it."""
    return Layer(
        is_professional=True,
        is_admin=False,
        organization=saved.organization_id,
        function=saved.function,
    )


async def list_matching(
    session: AsyncSession, saved: SavedSearch, terms: Terms, among: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """Of these services, those the search finds now: `resource_id`, `changed_at`."""
    matching, parameters = _matching(saved, terms)
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT r.resource_id, r.changed_at"  # noqa: S608
            f" FROM ({matching} AND s.service_id = ANY (:among)) m"
            " JOIN card r ON r.resource_id = m.service_id ORDER BY r.changed_at, r.resource_id"
        ),
        {**parameters, "among": list(among)},
    )
    return rows.all()


async def remember_matching(session: AsyncSession, saved: SavedSearch, terms: Terms) -> None:
    """Keep what the search finds now, all of it, to know one day what left."""
    matching, parameters = _matching(saved, terms)
    connection = await session.connection()
    await connection.execute(
        text(
            "INSERT INTO saved_search_match (saved_search_id, service_id)"  # noqa: S608
            f" SELECT :saved, m.service_id FROM ({matching}) m"
        ),
        {**parameters, "saved": saved.id},
    )


async def update_matches(
    session: AsyncSession, saved: SavedSearch, *, among: Sequence[UUID], matching: Sequence[UUID]
) -> list[UUID]:
    """`among` changed and `matching` of them are found: which were found before and are no more."""
    connection = await session.connection()
    ids = {"saved": saved.id, "among": list(among), "matching": list(matching)}
    left = await connection.execute(
        text(
            "DELETE FROM saved_search_match WHERE saved_search_id = :saved"
            " AND service_id = ANY (:among) AND service_id <> ALL (CAST(:matching AS uuid[]))"
            " RETURNING service_id"
        ),
        ids,
    )
    gone = sorted(left.scalars())
    await connection.execute(
        text(
            "INSERT INTO saved_search_match (saved_search_id, service_id)"
            " SELECT :saved, unnest(CAST(:matching AS uuid[])) ON CONFLICT DO NOTHING"
        ),
        ids,
    )
    return gone


def _matching(saved: SavedSearch, terms: Terms) -> tuple[str, dict[str, Any]]:
    """The ids of the services it finds, as a query that may be narrowed by AND."""
    params = SearchParams.model_validate(saved.query)
    parts = fragments(params, layer_of_search(saved), terms, Frozen(clock.now()))
    where = [*parts.where, *parts.then, "s.inside > 0", "NOT s.is_demo"]
    where += [f"COALESCE({state}, false)" for state in parts.states.values()]
    if params.certain_only:
        where += [f"NOT ({one})" for one in parts.uncertain]
    if params.q:
        where.append(_WORDS)
    distance = DISTANCE if params.near else "NULL::int"
    return (
        f"SELECT s.service_id FROM (SELECT s.*, {distance} AS distance_m, {parts.inside} AS inside"  # noqa: S608
        f" FROM service_search s) s WHERE {' AND '.join(where)}",
        parts.parameters,
    )
