"""The search's one statement: how many queries, and the same answer as the pure functions."""

from datetime import date, datetime, timedelta
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillage_common.auth import Caller
from maillage_common.pagination import Cursors
from maillage_directory.cards.kept import KeptCards
from maillage_directory.opening import BRUSSELS, Closed, closing_time
from maillage_directory.records.schemas import ScheduleEntry
from maillage_directory.search.schemas import SearchParams
from maillage_directory.search.service import search_services
from maillage_directory.vocabulary import Vocabulary

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def schedules(draw: Any) -> dict[str, Any]:
    opens = draw(st.integers(0, 95)) * 15
    closes = draw(st.integers(1, 96).filter(lambda quarter: quarter * 15 != opens)) * 15
    monthly = draw(st.booleans())
    numbers = st.sampled_from(["", "1", "2", "3", "4", "5", "-1", "-2"]) if monthly else st.just("")
    byday = draw(st.lists(st.tuples(numbers, st.sampled_from(DAYS)), min_size=1, max_size=4))
    schedule = {
        "freq": "MONTHLY" if monthly else "WEEKLY",
        "byday": [number + day for number, day in byday],
        "opens_at": clock(opens),
        "closes_at": clock(closes),
        "on_holidays": draw(st.sampled_from(["open", "closed"])),
    }
    if monthly and draw(st.booleans()):
        schedule["bymonthday"] = [str(draw(st.sampled_from([1, 15, 31, -1, -8])))]
    if draw(st.booleans()):
        schedule["interval"] = draw(st.integers(1, 3))
        schedule["dtstart"] = str(date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 60))))
        schedule["wkst"] = draw(st.sampled_from(DAYS))
    if draw(st.booleans()):
        schedule["valid_to"] = str(date(2026, 6, 1) + timedelta(days=draw(st.integers(0, 300))))
    return schedule


# Hypothesis takes naive bounds and adds the zone itself.
instants = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001
    datetime(2027, 3, 1),  # noqa: DTZ001
    timezones=st.just(BRUSSELS),
)
# The nights when clocks change, and Christmas.
edges = st.sampled_from(
    [datetime(2026, 3, 29, hour, 30, tzinfo=BRUSSELS) for hour in (0, 1, 3, 4)]
    + [datetime(2026, 10, 25, 2, 30, tzinfo=BRUSSELS, fold=fold) for fold in (0, 1)]
    + [datetime(2026, 12, day, 0, 15, tzinfo=BRUSSELS) for day in (25, 26)]
)


async def test_sql_and_python_agree_on_what_is_open(directory: Any, app: Any) -> None:
    cases: list[tuple[list[dict[str, Any]], datetime]] = []

    @settings(
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(schedules(), min_size=1, max_size=3), st.one_of(instants, edges))
    def collect(listed: list[dict[str, Any]], at: datetime) -> None:
        cases.append((listed, at))

    collect()
    closed = {"from": "2026-05-04", "to": "2026-05-20"}
    await directory.has(
        *(
            directory.service(f"case {number}", schedules=listed, closures=[closed])
            for number, (listed, _) in enumerate(cases)
        )
    )
    closures = [Closed(date(2026, 5, 4), date(2026, 5, 20))]
    cursors, vocabulary = Cursors("x" * 40), Vocabulary(seconds=60)
    for number, (listed, at) in enumerate(cases):
        entries = [ScheduleEntry.model_validate(schedule) for schedule in listed]
        rules = [entry.as_rule(open_on_holidays=entry.on_holidays == "open") for entry in entries]
        page = await search_services(
            directory.database,
            SearchParams(open_at=[at], q=f"case {number}", limit=100),
            caller=Caller("anonymous", "anonymous"),
            language="fr",
            cursors=cursors,
            vocabulary=vocabulary,
            cards=KeptCards(),
        )
        items = orjson.loads(orjson.dumps(page["items"]))
        found = f"case {number}" in {item["label"] for item in items}
        assert found == (closing_time(rules, closures, at) is not None), (listed, at)


async def test_a_search_is_one_statement_however_much_it_finds_and_one_for_new_cards(
    directory: Any, search: Any, query_counter: Any
) -> None:
    await directory.has(
        *(
            directory.service(f"soup {number}", needs=["food"], languages=["ar"])
            for number in range(30)
        )
    )
    await search()  # reads the vocabulary, and twenty cards
    asked = {"need": "food", "spoken": "ar", "q": "soup", "near": "50.8,4.3", "territory": "nord"}
    for limit, statements in ((1, 1), (30, 2), (30, 1)):
        with query_counter() as queries:
            page = await search(**asked, limit=limit)
        assert len(page["items"]) == limit
        assert queries.count == statements


async def test_alternatives_of_full_services_take_no_statement_more(
    directory: Any, search: Any, query_counter: Any
) -> None:
    full = {
        "status": "no_capacity",
        "observed_at": "2026-01-01T00:00:00Z",
        "valid_until": "2126-01-01T00:00:00Z",
    }
    await directory.has(
        *(directory.service(f"s{number}", needs=["food"], capacity=full) for number in range(9))
    )
    await search()
    with query_counter() as queries:
        await search()
    assert queries.count == 1


async def test_one_service_is_read_by_one_statement(
    directory: Any, client: Any, query_counter: Any, as_anonymous: Any
) -> None:
    await directory.has(directory.service("desk", needs=["food"]))
    with query_counter() as queries:
        await client.get(
            f"/directory/v1/services/{directory.id('service', 'desk')}", headers=as_anonymous()
        )
    assert queries.count == 1
