"""Freshly staged rows have no statistics: a plan that loops over them shows in long lists only."""

import asyncio

from services.campaigns.tests.lists import person_row
from services.campaigns.tests.office import Office

ROWS = 8_000


async def test_a_long_list_is_compared_and_merged_in_sets(office: Office) -> None:
    campaign = await office.campaign()
    async with asyncio.timeout(60):
        held = await office.approved(campaign, [person_row(n) for n in range(ROWS)])
    assert (held["stage"], held["counts"]["new"]) == ("done", ROWS)
    async with asyncio.timeout(60):
        again = await office.compared(campaign, [person_row(n) for n in range(ROWS, 0, -1)])
    assert (again["counts"]["same"], again["counts"]["new"]) == (ROWS - 1, 1)
