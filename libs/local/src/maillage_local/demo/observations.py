"""Demo observations (gaps, obstacles) and the coverage of the four programs."""

from datetime import datetime, timedelta
from typing import Literal

from maillage_local.demo.chance import dice
from maillage_local.demo.identifiers import demo_id
from maillage_local.demo.places import pick_place
from maillage_local.demo.records import CoverageRecord, ObservationRecord, Texts
from maillage_local.demo.tables import load_rows

RECOMMENDATION: Texts = {
    "fr": "Garder un accueil sans rendez-vous et par téléphone.",
    "nl": "Een onthaal zonder afspraak en per telefoon behouden.",
}
PROGRAMS = ("RAQ", "CHW", "CPPS", "CeS")
OBSERVATIONS = 90


def observations(*, as_of: datetime, seed: int) -> list[ObservationRecord]:
    """What workers of the four programs saw in the past year, by commune: words about
    institutions and offers (`seen.csv`), never a person."""
    made = []
    for number in range(OBSERVATIONS):
        random = dice(seed, "observation", number)
        seen = random.choice(load_rows("seen.csv"))
        program = random.choice(PROGRAMS)
        place = pick_place(random)
        seen_on = as_of.date() - timedelta(days=random.randint(1, 365))
        record: ObservationRecord = {
            "type": "observation",
            "id": demo_id(f"demo-observation:{number}"),
            "source": "demo",
            "source_date": as_of.date().isoformat(),
            "kind": "obstacle" if seen["obstacle"] else "gap",
            "need": seen["need"],
            "territory": place.commune,
            "program": program,
            "count": random.choice((1, 1, 2, 3, 5, 8, 13)),
            "note": {"fr": seen["note_fr"], "nl": seen["note_nl"]},
            "state": random.choices(("noted", "sent", "answered"), (60, 30, 10))[0],
            "observed_on": seen_on.isoformat(),
            "visibility": random.choice(("public", "professional")),
        }
        if seen["obstacle"]:
            record["obstacle"] = seen["obstacle"]
            record["recommendation"] = RECOMMENDATION
        made.append(record)
    return made


# Who covers what in the demo: (program, organization, territories, role).
COVERED: tuple[tuple[str, str, tuple[str, ...], Literal["worker", "host_partner", "team"]], ...] = (
    ("RAQ", "host-partner", ("raq-molenbeek-historique", "raq-maritime"), "worker"),
    ("RAQ", "casg", ("raq-porte-de-hal",), "host_partner"),
    ("CHW", "intermut", ("21001", "21004", "21010", "21012"), "team"),
    ("CPPS", "basin-nord", ("nord",), "team"),
    ("CeS", "mutuality-mc", ("bru",), "team"),
    ("CeS", "mutuality-solidaris", ("bru",), "team"),
)


def coverage(*, as_of: datetime) -> list[CoverageRecord]:
    """The rows of `COVERED`, valid since the start of the year before."""
    return [
        {
            "type": "coverage",
            "program": program,
            "organization": demo_id(f"demo-org:{organization}"),
            "territory": territory,
            "role": role,
            "valid_from": f"{as_of.year - 1}-01-01",
        }
        for program, organization, territories, role in COVERED
        for territory in territories
    ]
