"""The search's one statement: how many queries, and the same answer as a calendar gives."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import Any

import holidays
import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.directory.tests.searching import MORNINGS
from sqlalchemy.engine import make_url

from maillage_common.auth import Caller
from maillage_common.clock import frozen_time
from maillage_common.dates import BRUSSELS
from maillage_common.pagination import Cursors
from maillage_directory import vocabulary
from maillage_directory.cards.kept import KeptCards
from maillage_directory.search.hours import half_hours
from maillage_directory.search.schemas import SearchParams
from maillage_directory.search.service import search_services
from maillage_directory.vocabulary import Vocabulary, load_terms
from maillage_local.postgres import driver_url

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def schedules(draw: Any) -> dict[str, Any]:
    # Not `integers`: Hypothesis prefers those that stand in whatever modules the run has read.
    opens = draw(st.sampled_from(range(96))) * 15
    closes = draw(st.sampled_from(range(1, 97)).filter(lambda number: number * 15 != opens)) * 15
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
    first = date.fromisoformat(schedule.get("dtstart", "2023-06-01"))
    if not any(is_day_of(schedule, first + timedelta(days=number)) for number in range(1400)):
        # What never opens is refused.
        for narrowing in ("bymonthday", "valid_to"):
            schedule.pop(narrowing, None)
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


@st.composite
def turns(draw: Any) -> dict[str, Any]:
    """A turn of a rota: of one day, or by a rule; on holidays too unless it says not."""
    turn = draw(schedules())
    if draw(st.booleans()):
        return turn
    day = date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 400)))
    return {"on": str(day), "opens_at": turn["opens_at"], "closes_at": turn["closes_at"]}


HOLIDAYS = holidays.country_holidays("BE", years=(2025, 2026, 2027))


def is_day_of(rule: dict[str, Any], day: date) -> bool:
    """Whether a rule names this day, read from RFC 5545 with a calendar in hand."""
    if "on" in rule:
        return str(day) == rule["on"]
    if str(day) > rule.get("valid_to", "9") or str(day) < rule.get("dtstart", ""):
        return False
    month = [day.replace(day=one) for one in range(1, monthrange(day.year, day.month)[1] + 1)]
    alike = [one for one in month if one.weekday() == day.weekday()]
    name = DAYS[day.weekday()]
    nth, last = alike.index(day) + 1, alike.index(day) - len(alike)
    if not {name, f"{nth}{name}", f"{last}{name}"} & set(rule["byday"]):
        return False
    if "bymonthday" in rule and rule["bymonthday"][0] not in (
        str(day.day),
        str(day.day - len(month) - 1),
    ):
        return False
    if "interval" not in rule:
        return True
    start = date.fromisoformat(rule["dtstart"])
    if rule["freq"] == "MONTHLY":
        periods = (day.year - start.year) * 12 + day.month - start.month
    else:
        first = DAYS.index(rule["wkst"])
        weeks = [one - timedelta(days=(one.weekday() - first) % 7) for one in (start, day)]
        periods = (weeks[1] - weeks[0]).days // 7
    return bool(periods % rule["interval"] == 0)


def closes(rules: list[dict[str, Any]], closed: list[date], at: datetime) -> datetime | None:
    """When clocks on the wall show that it closes, if it is open."""
    wall, ends = at.replace(tzinfo=None), []
    for rule in rules:
        for day in (at.date(), at.date() - timedelta(days=1)):
            is_off = day in HOLIDAYS and rule.get("on_holidays", "open") == "closed"
            if is_off or closed[0] <= day <= closed[1] or not is_day_of(rule, day):
                continue
            midnight = datetime.combine(day, time())
            spans = [
                timedelta(hours=int(clock[:2]), minutes=int(clock[3:]))
                for clock in (rule["opens_at"], rule["closes_at"])
            ]
            spans[1] += timedelta(days=int(spans[1] <= spans[0]))
            if midnight + spans[0] <= wall < midnight + spans[1]:
                ends.append(midnight + spans[1])
    return max(ends, default=None)


async def test_opening_and_turns_in_sql_are_those_of_a_calendar(directory: Any) -> None:
    cases: list[tuple[list[dict[str, Any]], list[dict[str, Any]], datetime]] = []

    @settings(
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(schedules(), max_size=3),
        st.lists(turns(), max_size=2),
        st.one_of(instants, edges),
    )
    def collect(listed: list[dict[str, Any]], duty: list[dict[str, Any]], at: datetime) -> None:
        if listed or duty:
            cases.append((listed, duty, at))

    collect()
    closed = [date(2026, 5, 4), date(2026, 5, 20)]
    told = [{"from": str(closed[0]), "to": str(closed[1])}]
    services = [
        directory.service(f"case {number}", schedules=listed, closures=told)
        for number, (listed, _, _) in enumerate(cases)
    ]
    rota = {
        "type": "rota",
        "id": str(directory.id("rota", "all")),
        "source": "test",
        "organization": str(directory.id("organization", "host")),
        "name": {"fr": "Garde"},
        "turns": [
            {"service": service["id"], **turn}
            for service, (_, duty, _) in zip(services, cases, strict=True)
            for turn in duty
        ],
    }
    await directory.has(*services, rota)
    cursors, terms = Cursors("x" * 40), Vocabulary(seconds=60)
    was_open = 0
    for number, (listed, duty, at) in enumerate(cases):
        with frozen_time(at):
            page = await search_services(
                directory.database,
                SearchParams(open_at=["now"], q=f"case {number}", limit=100),
                caller=Caller("anonymous", "anonymous"),
                language="fr",
                cursors=cursors,
                vocabulary=terms,
                cards=KeptCards(),
            )
        items = orjson.loads(orjson.dumps(page["items"]))
        (found,) = [i for i in items if i["label"] == f"case {number}"] or [{}]
        until = found.get("open_until")
        shown = until and datetime.fromisoformat(until).astimezone(BRUSSELS).replace(tzinfo=None)
        assert shown == closes([*listed, *duty], closed, at), (listed, duty, at)
        assert bool(found) is (shown is not None), (listed, duty, at)
        was_open += bool(found)
    assert was_open > len(cases) / 10, "some are open, or this proves little"


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


async def test_postgresql_counts_how_many_services_are_open_in_each_half_hour(
    directory: Any, found: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = {"freq": "WEEKLY", "byday": "MO", "opens_at": "18:45", "closes_at": "00:30"}
    await directory.has(
        directory.service("mornings", schedules=MORNINGS),
        directory.service("mondays", schedules=[*MORNINGS, late]),
        directory.service("nobody knows"),
        directory.service("sundays", schedules=[{**late, "byday": "SU"}]),
    )
    with psycopg.connect(driver_url(make_url(database.owner_url)), autocommit=True) as owner:
        owner.execute("ANALYZE service_search")
    monkeypatch.setattr(vocabulary, "LARGE", -1)
    async with directory.database.read() as session:
        shares = (await load_terms(session)).shares["open"]
    for day, hour, names in (
        (23, 9, ["mondays", "mornings"]),
        (23, 12, ["mondays", "mornings"]),
        (23, 13, []),
        (23, 19, ["mondays"]),
        (24, 0, ["mondays"]),
        (24, 1, []),
        (23, 0, ["sundays"]),
    ):
        at = datetime(2026, 11, day, hour, 10, tzinfo=BRUSSELS)
        assert sorted(await found(open_at=at.isoformat())) == names
        assert sum(shares.get(one, 0) for one in half_hours(at)) == len(names) / 4
