"""Opening patterns met in the field, as schedules of the directory."""

from collections.abc import Callable
from datetime import date
from random import Random

from maillage_local.demo.records import Closure, Schedule

WEEK = "MO,TU,WE,TH,FR"
EVERY_DAY = "MO,TU,WE,TH,FR,SA,SU"
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR")


def weekly(byday: str, *spans: tuple[str, str]) -> list[Schedule]:
    """The same spans on each day of `byday` (`MO,TU`)."""
    return [
        {"freq": "WEEKLY", "byday": byday, "opens_at": opens, "closes_at": closes}
        for opens, closes in spans
    ]


def always(random: Random, today: date) -> list[Schedule]:
    """Day and night."""
    return weekly(EVERY_DAY, ("00:00", "24:00"))


def office(random: Random, today: date) -> list[Schedule]:
    """Working days with a break."""
    return weekly(WEEK, ("09:00", "12:30"), ("13:30", random.choice(("16:00", "16:30", "17:00"))))


def long_days(random: Random, today: date) -> list[Schedule]:
    """As a health centre opens: early to evening, no break."""
    return weekly(WEEK, ("08:00", random.choice(("18:00", "19:00"))))


def mornings(random: Random, today: date) -> list[Schedule]:
    """Two or three mornings a week, the usual walk-in session."""
    days = sorted(random.sample(WEEKDAYS, random.choice((2, 3))), key=WEEKDAYS.index)
    return weekly(",".join(days), (random.choice(("08:30", "09:00")), "12:00"))


def afternoons(random: Random, today: date) -> list[Schedule]:
    """One or two afternoons a week."""
    days = sorted(random.sample(WEEKDAYS, random.choice((1, 2))), key=WEEKDAYS.index)
    return weekly(",".join(days), ("13:30", random.choice(("16:00", "16:30"))))


def evening(random: Random, today: date) -> list[Schedule]:
    """Office hours and one late evening."""
    late = weekly(random.choice(WEEKDAYS), ("17:00", "20:00"))
    return weekly(WEEK, ("10:00", "16:00")) + late


def saturday(random: Random, today: date) -> list[Schedule]:
    """Wednesday afternoon and Saturday morning."""
    return weekly("WE", ("14:00", "17:30")) + weekly("SA", ("10:00", "13:00"))


def noon(random: Random, today: date) -> list[Schedule]:
    """A meal on working days."""
    return weekly(WEEK, ("11:30", "14:00"))


def night(random: Random, today: date) -> list[Schedule]:
    """Past midnight: the closing is on the next day."""
    return weekly(EVERY_DAY, ("20:00", "08:00"))


def winter_night(random: Random, today: date) -> list[Schedule]:
    """A night shelter of the cold months around `today`."""
    first = today.year if today.month >= 7 else today.year - 1
    schedules = night(random, today)
    for schedule in schedules:
        schedule["valid_from"] = f"{first}-11-15"
        schedule["valid_to"] = f"{first + 1}-03-31"
    return schedules


def rounds(random: Random, today: date) -> list[Schedule]:
    """A mobile team's evening rounds."""
    days = sorted(random.sample(WEEKDAYS, 2), key=WEEKDAYS.index)
    return weekly(",".join(days), ("18:00", "22:00"))


def monthly(random: Random, today: date) -> list[Schedule]:
    """The nth weekday of the month."""
    byday = f"{random.choice((1, 2, 3, 4))}{random.choice(WEEKDAYS)}"
    opens, closes = random.choice((("14:00", "16:00"), ("18:00", "20:00")))
    return [{"freq": "MONTHLY", "byday": byday, "opens_at": opens, "closes_at": closes}]


def unstated(random: Random, today: date) -> list[Schedule]:
    """By appointment: no hours published."""
    return []


Pattern = Callable[[Random, date], list[Schedule]]


def pick_closures(random: Random, today: date) -> list[Closure]:
    """Dated closures of the year to come: a summer break, the end of the year."""
    closures: list[Closure] = []
    summer = today.year + (1 if today.month > 8 else 0)
    if random.random() < 0.2:
        start = random.choice((15, 22))
        closures.append(
            {
                "from": f"{summer}-07-{start}",
                "to": f"{summer}-08-15",
                "reason": {"fr": "Vacances d'été", "nl": "Zomervakantie"},
            }
        )
    if random.random() < 0.3:
        closures.append({"from": f"{today.year}-12-24", "to": f"{today.year + 1}-01-02"})
    return closures
