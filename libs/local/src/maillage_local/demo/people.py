"""Fictitious members of a mutuality: nobody has these names, numbers or phones."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from maillage_local.demo.chance import dice
from maillage_local.demo.phones import person_phone
from maillage_local.demo.places import LANGUAGES_MET, PLACES, Place, pick_place

# A day's register numbers run from 001 to 997 or 998; 999 is never given to anyone.
NEVER_ALLOTTED = 999
GIVEN_NAMES = (
    "Fatima", "Mohammed", "Zoé", "François", "Aïcha", "Jérôme", "Ayse", "Mehmet",
    "Inês", "João", "Grâce", "Dieudonné", "Olena", "Andriy", "Anaïs", "Loïc", "Noëlla", "Hervé",
    "Lieve", "Koen", "Björn", "Käthe", "Ramón", "Lucía", "Mariám", "Désiré", "Chloé", "Gaël",
)  # fmt: skip
# Surnames that say what they are.
SURNAMES = (
    "Exemple", "Modèle", "Essai", "Témoin", "Échantillon", "Spécimen", "Maquette", "Fictif",
    "Voorbeeld", "Proef", "Staal", "Démonstration", "Gabarit", "Ébauche", "Prototype", "Imaginaire",
)  # fmt: skip
# Birth days from 1930 on. The number of days is prime, so that steps through them meet each once.
FIRST_BIRTH = date(1930, 1, 1)
BIRTH_DAYS = 27_749
BIRTH_STEP = 9_973
_HEARD = {
    place.postcode: tuple(
        accumulate(
            percent * (2.5 if language in place.languages else 1)
            for language, percent in LANGUAGES_MET.items()
        )
    )
    for place in PLACES
}


@dataclass(frozen=True)
class Person:
    """One row of a list, before a back office writes it its own way.

    `national_number` is eleven digits, or blank once every birth day has been used: one day has
    one number that is never allotted. `phones` are E.164, `languages` ISO 639-1.
    """

    national_number: str
    member_number: str
    surname: str
    given_name: str
    languages: tuple[str, ...]
    interpreter: bool
    born_on: date
    phones: tuple[str, ...]
    place: Place


def national_number(born_on: date, sequence: int = NEVER_ALLOTTED) -> str:
    """YYMMDD, the day's sequence, and the check: 97 minus the first nine digits mod 97, with a 2
    before them for those born from 2000 on (Royal Decree of 3 April 1984)."""
    first = f"{born_on:%y%m%d}{sequence:03d}"
    counted = int(f"2{first}") if born_on.year >= 2000 else int(first)
    return f"{first}{97 - counted % 97:02d}"


def person(number: int, *, seed: int, prefix: str = "M") -> Person:
    """The fictitious member `number`; the same arguments always give the same person."""
    random = dice(seed, prefix, number)
    born_on = FIRST_BIRTH + timedelta(days=number * BIRTH_STEP % BIRTH_DAYS)
    place = pick_place(random)
    phones = [person_phone(number * 2)]
    if random.random() < 0.3:
        phones.append(person_phone(number * 2 + 1))
    languages = _languages(random, place)
    return Person(
        national_number=national_number(born_on) if number < BIRTH_DAYS else "",
        member_number=f"{prefix}-{number:06d}",
        surname=random.choice(SURNAMES),
        given_name=random.choice(GIVEN_NAMES),
        languages=languages,
        interpreter="fr" not in languages and random.random() < 0.6,
        born_on=born_on,
        phones=tuple(phones),
        place=place,
    )


def _languages(random: Random, place: Place) -> tuple[str, ...]:
    drawn = random.random()
    if drawn < 0.55:
        return ("fr",)
    if drawn < 0.67:
        return ("nl",)
    spoken = random.choices(tuple(LANGUAGES_MET), cum_weights=_HEARD[place.postcode])[0]
    return (spoken, "fr") if random.random() < 0.5 else (spoken,)
