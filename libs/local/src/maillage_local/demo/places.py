"""Where demo services are: communes by population, places jittered around a centre."""

from dataclasses import dataclass
from itertools import accumulate
from random import Random

from maillage_local.demo.records import Address

# About 700 m north-south and 600 m east-west: inside the commune, on no address in particular.
JITTER_LATITUDE = 0.006
JITTER_LONGITUDE = 0.008


@dataclass(frozen=True)
class Place:
    """One postcode of a commune: names, approximate centre (degrees, WGS 84) and weight.

    `population` is in thousands, rounded; it only sets proportions. `languages` are heard there
    more than elsewhere (ISO 639-1).
    """

    commune: str
    postcode: str
    name_fr: str
    name_nl: str
    latitude: float
    longitude: float
    population: int
    languages: tuple[str, ...] = ()


PLACES = (
    Place("21001", "1070", "Anderlecht", "Anderlecht", 50.833, 4.300, 127, ("ar", "ro", "tr")),
    Place("21002", "1160", "Auderghem", "Oudergem", 50.814, 4.434, 36),
    Place(
        "21003", "1082", "Berchem-Sainte-Agathe", "Sint-Agatha-Berchem", 50.864, 4.293, 26, ("ar",)
    ),
    Place("21004", "1000", "Bruxelles", "Brussel", 50.850, 4.352, 105, ("ar", "es", "uk")),
    Place("21004", "1020", "Laeken", "Laken", 50.880, 4.356, 65, ("ar", "tr", "sw")),
    Place(
        "21004", "1120", "Neder-Over-Heembeek", "Neder-Over-Heembeek", 50.897, 4.385, 22, ("ln",)
    ),
    Place("21004", "1130", "Haren", "Haren", 50.888, 4.412, 7),
    Place("21005", "1040", "Etterbeek", "Etterbeek", 50.836, 4.389, 49, ("es", "pt")),
    Place("21006", "1140", "Evere", "Evere", 50.870, 4.403, 45, ("tr",)),
    Place("21007", "1190", "Forest", "Vorst", 50.812, 4.320, 57, ("ar", "pt", "es")),
    Place("21008", "1083", "Ganshoren", "Ganshoren", 50.872, 4.311, 26, ("ln",)),
    Place("21009", "1050", "Ixelles", "Elsene", 50.824, 4.376, 89, ("ln", "sw", "pt")),
    Place("21010", "1090", "Jette", "Jette", 50.879, 4.325, 54, ("ln", "uk")),
    Place("21011", "1081", "Koekelberg", "Koekelberg", 50.863, 4.331, 22, ("ar", "tr")),
    Place(
        "21012",
        "1080",
        "Molenbeek-Saint-Jean",
        "Sint-Jans-Molenbeek",
        50.856,
        4.324,
        98,
        ("ar", "ps"),
    ),
    Place("21013", "1060", "Saint-Gilles", "Sint-Gillis", 50.828, 4.346, 49, ("es", "pt", "ar")),
    Place(
        "21014",
        "1210",
        "Saint-Josse-ten-Noode",
        "Sint-Joost-ten-Node",
        50.854,
        4.369,
        27,
        ("tr", "bg", "ar"),
    ),
    Place("21015", "1030", "Schaerbeek", "Schaarbeek", 50.864, 4.380, 130, ("tr", "bg", "ar")),
    Place("21016", "1180", "Uccle", "Ukkel", 50.798, 4.353, 86),
    Place("21017", "1170", "Watermael-Boitsfort", "Watermaal-Bosvoorde", 50.799, 4.414, 26),
    Place(
        "21018",
        "1200",
        "Woluwe-Saint-Lambert",
        "Sint-Lambrechts-Woluwe",
        50.845,
        4.425,
        60,
        ("uk",),
    ),
    Place("21019", "1150", "Woluwe-Saint-Pierre", "Sint-Pieters-Woluwe", 50.830, 4.440, 43),
)
POPULATIONS = tuple(accumulate(place.population for place in PLACES))
BY_POSTCODE = {place.postcode: place for place in PLACES}

# Streets that name the demo itself, so that no one walks to a real door.
STREETS = (
    ("Rue de l'Exemple", "Voorbeeldstraat"),
    ("Avenue de la Maquette", "Maquettelaan"),
    ("Place du Modèle réduit", "Schaalmodelplein"),
    ("Rue du Brouillon", "Kladstraat"),
    ("Chaussée de l'Essai", "Proefsteenweg"),
    ("Quai du Décor", "Decorkaai"),
    ("Rue de la Répétition", "Repetitiestraat"),
    ("Impasse de la Fiction", "Fictiegang"),
)

# How often each language is spoken in a service besides French and Dutch, in percent: what
# workers report on the ground, Arabic, Turkish, Spanish, Lingala, Swahili, Russian and Ukrainian
# among them.
LANGUAGES_MET = {
    "en": 42,
    "ar": 24,
    "es": 14,
    "tr": 11,
    "pt": 6,
    "ru": 7,
    "uk": 6,
    "ro": 6,
    "pl": 5,
    "ln": 5,
    "sw": 4,
    "bg": 3,
    "sq": 3,
    "ps": 3,
    "fa": 3,
    "ti": 2,
    "so": 2,
}


def pick_place(random: Random) -> Place:
    """A place, communes weighing as many as live there."""
    return random.choices(PLACES, cum_weights=POPULATIONS)[0]


def pick_languages(random: Random, place: Place, *, first: tuple[str, ...]) -> list[str]:
    """The languages spoken in a service at `place`: `first`, then those met on the ground."""
    spoken = list(first)
    for language, percent in LANGUAGES_MET.items():
        heard = percent * 2.5 if language in place.languages else percent
        if random.random() * 100 < heard:
            spoken.append(language)
    return spoken


def address_at(random: Random, place: Place) -> Address:
    """A fictitious address in a real commune."""
    street_fr, street_nl = random.choice(STREETS)
    number = random.randint(1, 180)
    return {
        "street": {"fr": f"{street_fr} {number}", "nl": f"{street_nl} {number}"},
        "postcode": place.postcode,
        "city": {"fr": place.name_fr, "nl": place.name_nl},
        "commune_nis": place.commune,
    }


def point_near(random: Random, place: Place) -> tuple[float, float]:
    """(latitude, longitude) around the centre of `place`, five decimals."""
    latitude = place.latitude + random.uniform(-JITTER_LATITUDE, JITTER_LATITUDE)
    longitude = place.longitude + random.uniform(-JITTER_LONGITUDE, JITTER_LONGITUDE)
    return round(latitude, 5), round(longitude, 5)
