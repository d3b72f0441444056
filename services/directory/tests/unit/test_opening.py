from datetime import UTC, date, datetime
from typing import Any

import pytest

from maillage_common.dates import BRUSSELS
from maillage_directory.opening import (
    Closed,
    ImpossibleSchedule,
    closing_time,
    covers_all_days,
    day_facts,
    make_rule,
)

OFFICE = {"freq": "WEEKLY", "byday": ["MO", "TU", "WE", "TH", "FR"]}


def is_open(
    at: datetime, opens: str = "09:00", closes: str = "17:00", closed: Any = (), **parts: Any
) -> bool:
    rule = make_rule(**{**OFFICE, "opens_at": opens, "closes_at": closes, **parts})
    return closing_time([rule], closed, at) is not None


def brussels(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS, fold=fold)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T08:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T16:59", True),
        ("2026-11-23T17:00", False),
        ("2026-11-22T10:00", False),  # a Sunday
        ("2026-11-11T10:00", False),  # Armistice, a Wednesday
    ],
)
def test_office_hours(at: str, expected: bool) -> None:
    assert is_open(brussels(at)) is expected


def test_summer_and_winter_follow_the_clock_on_the_wall() -> None:
    assert is_open(datetime(2026, 7, 6, 7, 30, tzinfo=UTC))  # 09:30 in summer
    assert not is_open(datetime(2026, 11, 23, 7, 30, tzinfo=UTC))  # 08:30 in winter
    assert is_open(datetime(2026, 11, 23, 8, 30, tzinfo=UTC))


def test_the_hour_that_comes_twice_is_open_both_times() -> None:
    night: dict[str, Any] = {"opens": "01:00", "closes": "03:00", "byday": ["SU"]}
    assert is_open(brussels("2026-10-25T02:30", fold=0), **night)
    assert is_open(brussels("2026-10-25T02:30", fold=1), **night)
    assert not is_open(brussels("2026-10-25T03:00"), **night)


def test_a_night_runs_past_midnight_and_belongs_to_its_evening() -> None:
    night: dict[str, Any] = {"opens": "20:00", "closes": "08:00", "byday": ["SA"]}
    assert is_open(brussels("2026-11-21T23:00"), **night)
    assert is_open(brussels("2026-11-22T07:59"), **night)
    assert not is_open(brussels("2026-11-22T08:00"), **night)
    assert not is_open(brussels("2026-11-21T07:00"), **night)


def test_the_whole_day_has_no_gap_at_midnight() -> None:
    always: dict[str, Any] = {"opens": "00:00", "closes": "24:00", "byday": ["SU", "MO"]}
    assert is_open(brussels("2026-11-22T23:59"), **always)
    assert is_open(brussels("2026-11-23T00:00"), **always)
    assert is_open(brussels("2026-11-23T23:59"), **always)
    assert not is_open(brussels("2026-11-24T00:00"), **always)


@pytest.mark.parametrize(
    ("byday", "day", "expected"),
    [
        ("2TU", "2026-11-10", True),
        ("2TU", "2026-11-17", False),
        ("-1FR", "2026-11-27", True),
        ("-1FR", "2026-11-20", False),
        ("5MO", "2026-11-30", True),
        ("TU", "2026-11-24", True),
    ],
)
def test_nth_weekdays_of_a_month(byday: str, day: str, expected: bool) -> None:
    at = brussels(f"{day}T10:00")
    assert is_open(at, freq="MONTHLY", byday=[byday]) is expected


def test_days_of_a_month_count_from_both_ends() -> None:
    last_day: dict[str, Any] = {"freq": "MONTHLY", "byday": [], "bymonthday": ["-1"]}
    assert is_open(brussels("2026-11-30T10:00"), **last_day)
    assert is_open(brussels("2028-02-29T10:00"), **last_day)
    assert not is_open(brussels("2028-02-28T10:00"), **last_day)


def test_every_other_week_starts_with_its_first() -> None:
    fortnight: dict[str, Any] = {"byday": ["TU"], "interval": 2, "dtstart": date(2026, 11, 3)}
    assert is_open(brussels("2026-11-03T10:00"), **fortnight)
    assert not is_open(brussels("2026-11-10T10:00"), **fortnight)
    assert is_open(brussels("2026-11-17T10:00"), **fortnight)
    assert not is_open(brussels("2026-10-20T10:00"), **fortnight)


def test_count_ends_the_series() -> None:
    three: dict[str, Any] = {"byday": ["TU"], "dtstart": date(2026, 11, 3), "count": 3}
    assert is_open(brussels("2026-11-17T10:00"), **three)
    assert not is_open(brussels("2026-11-24T10:00"), **three)


def test_validity_bounds_are_both_included() -> None:
    winter: dict[str, Any] = {"valid_from": date(2026, 11, 23), "valid_to": date(2026, 11, 24)}
    assert is_open(brussels("2026-11-23T10:00"), **winter)
    assert is_open(brussels("2026-11-24T10:00"), **winter)
    assert not is_open(brussels("2026-11-25T10:00"), **winter)


def test_a_closure_shuts_its_days_and_not_the_night_begun_before() -> None:
    closed = [Closed(date(2026, 11, 22), date(2026, 11, 24))]
    assert not is_open(brussels("2026-11-23T10:00"), closed=closed)
    assert is_open(brussels("2026-11-25T10:00"), closed=closed)
    night: dict[str, Any] = {"opens": "20:00", "closes": "08:00", "byday": ["SA"]}
    assert is_open(brussels("2026-11-22T02:00"), closed=closed, **night)


def test_public_holidays_close_unless_told_otherwise() -> None:
    christmas = brussels("2026-12-25T10:00")
    assert not is_open(christmas)
    assert is_open(christmas, open_on_holidays=True)
    assert day_facts(date(2026, 7, 21)).is_holiday


def test_rules_that_name_all_seven_days_are_recognised() -> None:
    weekdays = ("WEEKLY", ["MO", "TU", "WE", "TH", "FR"], 1)
    assert covers_all_days([weekdays, ("WEEKLY", ["SA", "SU"], 1)])
    assert not covers_all_days([weekdays, ("WEEKLY", ["SA", "SU"], 2)])


@pytest.mark.parametrize(
    "parts",
    [
        {"opens_at": "09:00", "closes_at": "09:00"},
        {"opens_at": "25:00", "closes_at": "26:00"},
        {"opens_at": "9h", "closes_at": "17:00"},
        {"opens_at": "24:00", "closes_at": "02:00"},
        {"byday": ["XX"]},
        {"byday": ["2TU"]},
        {"byday": []},
        {"bymonthday": ["15"]},
        {"interval": 2},
        {"count": 3},
        {"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 1)},
        {"freq": "MONTHLY", "byday": [], "bymonthday": ["32"]},
    ],
)
def test_refuses_schedules_that_cannot_be(parts: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleSchedule):
        make_rule(**{**OFFICE, "opens_at": "09:00", "closes_at": "17:00", **parts})


@pytest.mark.parametrize(
    "parts",
    [
        # Three days, none of them a Sunday; a February without its 30th; a Monday 31st in February.
        {"byday": ["SU"], "valid_from": date(2026, 11, 23), "valid_to": date(2026, 11, 25)},
        {"byday": ["SU"], "dtstart": date(2026, 11, 23), "until": date(2026, 11, 25)},
        {"freq": "MONTHLY", "byday": [], "bymonthday": ["30"], "interval": 12}
        | {"dtstart": date(2026, 2, 1)},
        {"freq": "MONTHLY", "byday": ["1MO"], "bymonthday": ["8"]},
    ],
)
def test_refuses_schedules_that_never_open(parts: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleSchedule, match="none of its days"):
        make_rule(**{**OFFICE, "opens_at": "09:00", "closes_at": "17:00", **parts})


@pytest.mark.parametrize(
    "parts",
    [
        {"byday": ["SU"], "valid_to": date(2026, 11, 25)},
        {"byday": ["SU"], "valid_from": date(2026, 11, 23), "valid_to": date(2026, 11, 29)},
        {"byday": ["FR"], "dtstart": date(2026, 12, 25), "until": date(2026, 12, 25)},
        {"freq": "MONTHLY", "byday": ["FR"], "bymonthday": ["13"]},
        {"freq": "MONTHLY", "byday": [], "bymonthday": ["29"], "interval": 12}
        | {"dtstart": date(2026, 2, 1)},
    ],
)
def test_takes_schedules_that_seldom_open(parts: dict[str, Any]) -> None:
    assert make_rule(**{**OFFICE, "opens_at": "09:00", "closes_at": "17:00", **parts})


DST = {"opens": "01:30", "closes": "04:00", "byday": ["SU"]}
NIGHT = {"opens": "22:00", "closes": "02:00", "byday": ["FR"]}
EVENING = {"opens": "18:00", "closes": "24:00", "byday": ["WE"]}


@pytest.mark.parametrize(
    ("case", "parts", "at", "fold", "expected"),
    [
        # Clocks go from 02:00 to 03:00, and in autumn from 03:00 back to 02:00.
        ("spring, before the gap", DST, "2026-03-29T01:45", 0, True),
        ("spring, after the gap", DST, "2026-03-29T03:15", 0, True),
        ("spring, closed", DST, "2026-03-29T04:00", 0, False),
        ("autumn, first time", DST, "2026-10-25T02:30", 0, True),
        ("autumn, second time", DST, "2026-10-25T02:30", 1, True),
        ("autumn, closed", DST, "2026-10-25T04:00", 0, False),
        ("past midnight, the evening", NIGHT, "2026-11-20T23:00", 0, True),
        ("past midnight, the morning after", NIGHT, "2026-11-21T01:59", 0, True),
        ("past midnight, closed", NIGHT, "2026-11-21T02:00", 0, False),
        ("past midnight, the morning before", NIGHT, "2026-11-20T01:00", 0, False),
        # 1 May 2026, a Friday and a holiday: the night belongs to its evening.
        ("holiday evening", NIGHT, "2026-05-01T23:00", 0, False),
        ("morning after a holiday evening", NIGHT, "2026-05-02T01:00", 0, False),
        ("until midnight", EVENING, "2026-11-18T23:59", 0, True),
        ("midnight itself", EVENING, "2026-11-19T00:00", 0, False),
        ("another day", EVENING, "2026-11-10T20:00", 0, False),
        ("holiday", EVENING, "2026-11-11T20:00", 0, False),
        (
            "holiday, open on holidays",
            EVENING | {"open_on_holidays": True},
            "2026-11-11T20:00",
            0,
            True,
        ),
        (
            "before it is valid",
            EVENING | {"valid_from": date(2026, 11, 19)},
            "2026-11-18T20:00",
            0,
            False,
        ),
        ("last valid day", EVENING | {"valid_to": date(2026, 11, 18)}, "2026-11-18T20:00", 0, True),
        (
            "third Wednesday",
            EVENING | {"freq": "MONTHLY", "byday": ["3WE"]},
            "2026-11-18T20:00",
            0,
            True,
        ),
        (
            "not the second",
            EVENING | {"freq": "MONTHLY", "byday": ["2WE"]},
            "2026-11-18T20:00",
            0,
            False,
        ),
        (
            "closed that day",
            EVENING | {"closed": [Closed(date(2026, 11, 18), date(2026, 11, 18))]},
            "2026-11-18T20:00",
            0,
            False,
        ),
    ],
)
def test_truth_table(case: str, parts: dict[str, Any], at: str, fold: int, expected: bool) -> None:
    assert is_open(brussels(at, fold), **parts) is expected, case
