"""Cards as they were rendered for a page, kept until they change.

A search finds the same services again and again. What a card says is written once for each layer
and language; a page adds what depends on the instant and on what was asked. Who may see a record is
asked of the database each time, here as everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from maillage_common.dates import day_of
from maillage_common.reading import Reads
from maillage_directory.cards.rendering import Hours, hours_of, render_lasting
from maillage_directory.visibility import Layer, visible_record_sql

# About 5 kB each.
_AT_MOST = 8_000
# What the reasons of a search look at.
_FACTS = (
    *("needs", "languages", "access", "conditions", "cost", "accessible", "age_min", "age_max"),
    "capacity",
)
Key = tuple[UUID, bool, bool, bool, str]


@dataclass(frozen=True, slots=True)
class KeptCard:
    """`written`: a JSON object without its closing brace, so that members can be added.

    `verified_on`: the day of the last verification in Brussels, ISO 8601.
    """

    changed_at: datetime
    written: bytes
    facts: Mapping[str, Any]
    hours: Hours
    verified_on: str | None


class KeptCards:
    """The cards of the pages lately given; one on each application."""

    def __init__(self) -> None:
        self._kept: dict[Key, KeptCard] = {}

    async def of(
        self, rows: Sequence[Any], reads: Reads, layer: Layer, *, language: str
    ) -> dict[UUID, KeptCard]:
        """By service, the cards of `rows` (service_id, organization_id, changed_at).

        One statement for those that are not kept as they are now, none when all are. A card that
        `layer` can no longer see is not among them.
        """
        cards: dict[UUID, KeptCard] = {}
        wanted = []
        for row in rows:
            kept = self._kept.get(_key(row.service_id, row.organization_id, layer, language))
            if kept is not None and kept.changed_at == row.changed_at:
                cards[row.service_id] = kept
            else:
                wanted.append(row.service_id)
        if not wanted:
            return cards
        visible, parameters = visible_record_sql(layer, "c")
        # S608: the condition is made of texts of our own.
        statement = (
            "SELECT c.* FROM card c"  # noqa: S608
            f" WHERE c.resource_id = ANY (CAST(:ids AS uuid[])) AND {visible}"
        )
        for row in await reads.fetch(statement, {**parameters, "ids": wanted}):
            key = _key(row.resource_id, row.organization_id, layer, language)
            cards[row.resource_id] = self._kept[key] = _kept(row, layer, language)
        while len(self._kept) > _AT_MOST:
            del self._kept[next(iter(self._kept))]
        return cards


def _key(service_id: UUID, organization_id: UUID, layer: Layer, language: str) -> Key:
    """All that `rendering` asks of a layer."""
    is_own = organization_id == layer.organization
    return service_id, layer.is_professional, layer.is_admin, is_own, language


def _kept(row: Any, layer: Layer, language: str) -> KeptCard:
    card, verified = row.content, row.verified_at
    return KeptCard(
        changed_at=row.changed_at,
        written=orjson.dumps(render_lasting(row, layer, language=language))[:-1],
        facts={name: card[name] for name in _FACTS if name in card},
        hours=hours_of(card),
        verified_on=verified and day_of(verified).isoformat(),
    )
