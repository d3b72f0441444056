"""Pages of a search while others insert, edit and delete: every untouched service exactly once."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from maillage_common.audit import SystemReason
from maillage_directory import vocabulary
from maillage_directory.search.estimates import Outlook

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


@pytest.fixture
async def soups(directory: Any) -> Any:
    chance = random.Random(2026)
    names = [*KEPT, *(f"soup other {number}" for number in range(10))]
    await directory.has(*(directory.service(name, **fields(directory, chance)) for name in names))
    return directory


@settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    # What earlier examples left are others, which may be anything.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    asked=st.sampled_from(SEARCHES),
    large=st.booleans(),
    sizes=st.lists(st.integers(2, 7), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
)
async def test_every_untouched_service_comes_exactly_once(
    soups: Any,
    search: Any,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    large: bool,
    sizes: list[int],
    seed: int,
) -> None:
    monkeypatch.setattr(vocabulary, "LARGE", -1 if large else 20_000)
    monkeypatch.setattr(Outlook, "first", lambda _, tiers: 0)
    chance, seen, cursor, step = random.Random(seed), [], None, 0
    while cursor or step == 0:
        more = {"cursor": cursor} if cursor else {}
        page, _ = await asyncio.gather(
            search(**asked, **more, limit=sizes[step % len(sizes)]),
            change_others(soups, chance, 100 + step % 6),
        )
        step += 1
        seen += [item["label"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(name for name in seen if name in KEPT) == KEPT
