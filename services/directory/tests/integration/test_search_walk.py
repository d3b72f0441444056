"""Pages of a search while others insert, edit and delete: every untouched service exactly once."""

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_directory.search import queries

KEPT = [f"soup kept {number:02d}" for number in range(14)]
SEARCHES: list[dict[str, Any]] = [
    {"q": "soup", "near": "50.85,4.35", "territory": "21012", "for_status": "undocumented"},
    {"sort": "name", "need": "food"},
    {"sort": "distance", "near": "50.85,4.35"},
    {"sort": "freshness"},
]


def fields(directory: Any, chance: random.Random) -> dict[str, Any]:
    """Anything that moves a service in some order."""
    place = directory.place(chance.uniform(49.5, 51.4), chance.uniform(2.6, 6.3))
    status = chance.choice(["capacity", "waitlist", "no_capacity"])
    return {
        "needs": ["food"],
        "languages": chance.choice([[], ["ar"], ["fr"]]),
        "locations": chance.choice([[], [place]]),
        "action_zones": chance.choice([[], ["21012"], ["nord"]]),
        "conditions": chance.choice([{}, {"undocumented": "yes"}]),
        "verified_at": f"2026-0{chance.randint(1, 9)}-01T00:00:00Z",
        "capacity": {
            "status": status,
            "observed_at": "2026-01-01T00:00:00Z",
            "valid_until": "2126-01-01T00:00:00Z",
        },
    }


async def change_others(directory: Any, chance: random.Random, step: int) -> None:
    """Insert some, edit some, delete some; never those kept."""
    await directory.loads(
        *(
            directory.service(f"soup other {number}", **fields(directory, chance))
            for number in (step, chance.randint(0, 9), chance.randint(0, 9))
        )
    )
    async with directory.database.write(system=SystemReason.IMPORT) as session:
        await (await session.connection()).execute(
            text("DELETE FROM service WHERE id = :id"),
            {"id": directory.id("service", f"soup other {chance.randint(0, 9)}")},
        )


@pytest.mark.parametrize("large", [False, True])
async def test_every_untouched_service_comes_exactly_once(
    directory: Any, search: Any, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    monkeypatch.setattr(queries, "LARGE", -1 if large else queries.LARGE)
    chance = random.Random(2026)
    await directory.has(
        *(directory.service(name, **fields(directory, chance)) for name in KEPT),
        *(
            directory.service(f"soup other {number}", **fields(directory, chance))
            for number in range(10)
        ),
    )
    for asked in SEARCHES:
        seen: list[str] = []
        cursor, step = None, 100
        while cursor or step == 100:
            step += 1
            more = {"cursor": cursor} if cursor else {}
            page, _ = await asyncio.gather(
                search(**asked, **more, limit=chance.randint(1, 4)),
                change_others(directory, chance, step),
            )
            seen += [item["label"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(name for name in seen if name in KEPT) == KEPT, asked
