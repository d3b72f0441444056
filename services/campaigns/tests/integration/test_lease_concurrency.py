import asyncio
from collections import Counter

import httpx
import pytest
from services.campaigns.tests.office import Headers, Office


@pytest.mark.parametrize("people", [30])
async def test_nobody_is_leased_twice_however_many_ask(office: Office, people: int) -> None:
    campaign = await office.calling(people)
    callers = [office.counsellor(name=f"c{n}") for n in range(8)]

    async def asks_on(caller: Headers) -> list[httpx.Response]:
        return [await office.ask_lease(campaign, caller) for _ in range((people + 10) // 8)]

    # As many at once as there are counsellors: more would only wait for the same connections,
    # on a busy machine for longer than they may.
    answers = [answer for some in await asyncio.gather(*map(asks_on, callers)) for answer in some]
    leased = [answer.json()["case"]["id"] for answer in answers if answer.status_code == 201]
    assert len(leased) == people
    assert set(Counter(leased).values()) == {1}
    assert sum(answer.status_code == 200 for answer in answers) == 10


async def test_one_person_in_two_campaigns_is_leased_in_one_of_them(office: Office) -> None:
    from services.campaigns.tests.lists import person_row

    people = [person_row(n) for n in range(10)]
    campaigns = [await office.campaign(), await office.campaign()]
    for campaign in campaigns:
        await office.approved(campaign, people)
    answers = await asyncio.gather(*(office.ask_lease(campaigns[n % 2]) for n in range(30)))
    names = [
        answer.json()["person"]["last_name"] for answer in answers if answer.status_code == 201
    ]
    assert len(names) == len(set(names)) == 10


async def test_of_two_results_for_one_lease_one_counts(office: Office) -> None:
    lease = await office.lease(await office.calling(1))
    answers = await asyncio.gather(
        office.attempt(lease, "complete"), office.attempt(lease, "no_answer")
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
