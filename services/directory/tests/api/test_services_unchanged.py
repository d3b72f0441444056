"""A 304 given from memory is as true as one that was made again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from maillage_common.clock import frozen_time

NOON = datetime(2026, 11, 23, 11, 29, 30, tzinfo=UTC)  # Monday, 12:29:30 in Brussels


async def test_it_ends_with_the_minute_the_record_and_the_right_to_see_it(
    directory: Any, client: Any, as_anonymous: Any, as_caller: Any, query_counter: Any
) -> None:
    hours = [{"byday": "MO", "opens_at": "09:00", "closes_at": "12:30"}]
    await directory.has(directory.service("desk", schedules=hours))
    path = f"/directory/v1/services/{directory.id('service', 'desk')}"

    def as_professional() -> dict[str, str]:
        headers: dict[str, str] = as_caller(scope="directory:read")
        return headers

    async def ask(tag: str, headers: Callable[[], dict[str, str]], at: datetime = NOON) -> int:
        with frozen_time(at):
            answer = await client.get(path, headers={**headers(), "If-None-Match": tag})
        status: int = answer.status_code
        return status

    with frozen_time(NOON):
        tag = (await client.get(path, headers=as_anonymous())).headers["ETag"]
    with query_counter() as queries:
        assert await ask(tag, as_anonymous) == 304
    assert [statement.split()[1] for statement in queries.statements] == ["resource_id,"]
    # Who sees more of it was shown something else; and a tag that was never given.
    assert await ask(tag, as_professional) == 200
    assert await ask('"1-000000000000"', as_anonymous) == 200
    # It closes half a minute later.
    assert await ask(tag, as_anonymous, NOON + timedelta(seconds=40)) == 200
    await directory.has(directory.service("desk", schedules=hours, languages=["ar"]))
    assert await ask(tag, as_anonymous) == 200
    with frozen_time(NOON):
        tag = (await client.get(path, headers=as_anonymous())).headers["ETag"]
    await directory.has(directory.service("desk", languages=["ar"], visibility="professional"))
    assert await ask(tag, as_anonymous) == 404
