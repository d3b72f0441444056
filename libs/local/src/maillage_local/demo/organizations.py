"""Demo organizations: the fixed ones that personas work for, and those made up around them."""

from dataclasses import dataclass
from datetime import date
from random import Random

from maillage_local.demo.chance import dice
from maillage_local.demo.identifiers import demo_id
from maillage_local.demo.offer import Field, load_fields, load_names
from maillage_local.demo.phones import service_phone
from maillage_local.demo.places import BY_POSTCODE, Place, pick_place
from maillage_local.demo.records import OrganizationRecord, Texts, Visibility

MARKS = {"fr": "(démonstration)", "nl": "(demonstratie)", "en": "(demonstration)"}
# Of a hundred organizations: written in both languages, in French alone, in Dutch alone.
WRITTEN_IN = ((("fr", "nl"), 63), (("fr",), 27), (("nl",), 10))
# Networks that an informal group may choose to be seen by: programs and basins.
NETWORKS = ("RAQ", "CHW", "nord", "centre-ouest", "nord-est")


@dataclass(frozen=True)
class Organization:
    """A record with what its services need to know of it."""

    record: OrganizationRecord
    field: Field
    place: Place
    names: Texts
    """Names without the mark of the demo, by language."""


@dataclass(frozen=True)
class Fixed:
    """An organization whose id tokens and services agree on (see `identifiers`)."""

    key: str
    kind: str
    fr: str
    nl: str
    field: str
    postcode: str


FIXED = (
    Fixed(
        "host-partner", "association", "Maison du canal", "Huis van het kanaal", "social", "1080"
    ),
    Fixed("intermut", "association", "Équipe CHW", "CHW-team", "medical", "1000"),
    Fixed(
        "basin-nord",
        "public_institution",
        "Coordination du bassin Nord",
        "Coördinatie van de zorgzone Noord",
        "prevention",
        "1020",
    ),
    Fixed("casg", "association", "CASG du Midi", "Sociaal centrum Zuid", "social", "1060"),
    Fixed(
        "target",
        "association",
        "Accueil social et santé Maillage",
        "Sociaal onthaal en gezondheidsonthaal Maillage",
        "social",
        "1080",
    ),
    Fixed(
        "maison-medicale",
        "association",
        "Maison médicale du Quai",
        "Wijkgezondheidscentrum De Kaai",
        "medical",
        "1080",
    ),
    Fixed(
        "mental-health",
        "association",
        "Service de santé mentale du Parc",
        "Centrum geestelijke gezondheid Het Park",
        "mental",
        "1030",
    ),
    Fixed(
        "mutuality-mc",
        "mutuality_service",
        "Conseillers en santé, mutualité chrétienne",
        "Gezondheidsadviseurs, christelijke mutualiteit",
        "prevention",
        "1000",
    ),
    Fixed(
        "mutuality-solidaris",
        "mutuality_service",
        "Conseillers en santé, Solidaris",
        "Gezondheidsadviseurs, Solidaris",
        "prevention",
        "1000",
    ),
    Fixed(
        "ces-coordination",
        "mutuality_service",
        "Coordination des conseillers en santé",
        "Coördinatie van de gezondheidsadviseurs",
        "prevention",
        "1000",
    ),
)


def enterprise_number(number: int) -> str:
    """A KBO number with a valid check (97 minus the first eight digits mod 97) that no enterprise
    has: numbers starting with 1 are given in order since 2023 and are far from 1999."""
    first = 19_990_000 + number
    return f"{first}{97 - first % 97:02d}"


def marked(names: Texts) -> Texts:
    """The names with the mark that tells the demo from the region."""
    return {language: f"{name} {MARKS[language]}" for language, name in names.items()}


def fixed_organizations(today: date) -> list[Organization]:
    """The ten of `FIXED`, public, with an enterprise number."""
    fields = {field.code: field for field in load_fields()}
    made = []
    for number, fixed in enumerate(FIXED):
        names = {"fr": fixed.fr, "nl": fixed.nl}
        record: OrganizationRecord = {
            "type": "organization",
            "id": demo_id(f"demo-org:{fixed.key}"),
            "source": "demo",
            "source_date": today.isoformat(),
            "name": marked(names),
            "description": {
                "fr": "Organisation fictive de la démonstration.",
                "nl": "Fictieve organisatie van de demonstratie.",
                "en": "Fictitious organization of the demonstration.",
            },
            "kind": fixed.kind,
            "phones": [service_phone(number)],
            "identifiers": [{"scheme": "BE-KBO", "identifier": enterprise_number(number)}],
            "visibility": "public",
        }
        place = BY_POSTCODE[fixed.postcode]
        made.append(Organization(record, fields[fixed.field], place, names))
    return made


def invented_organizations(today: date, seed: int) -> list[Organization]:
    """Those of `fields.csv`, each from its own random source: adding one changes no other."""
    made: list[Organization] = []
    for field in load_fields():
        for index in range(field.organizations):
            random = dice(seed, "organization", field.code, index)
            made.append(_invent(random, field, index, len(made) + len(FIXED), today))
    return made


def _invent(random: Random, field: Field, index: int, number: int, today: date) -> Organization:
    halves = load_names()
    # Fields start at different names, so that the same name is not met in every field.
    of_fr, of_nl = halves[(index + 7 * len(field.fr)) % len(halves)]
    both = {"fr": f"{field.fr} {of_fr}", "nl": f"{field.nl} {of_nl}"}
    languages = random.choices([w for w, _ in WRITTEN_IN], [weight for _, weight in WRITTEN_IN])[0]
    names = {language: both[language] for language in languages}
    if len(languages) == 2 and random.random() < 0.35:
        names["en"] = both["fr"]
    record: OrganizationRecord = {
        "type": "organization",
        "id": demo_id(f"demo-org:{field.code}-{index}"),
        "source": "demo",
        "source_date": today.isoformat(),
        "name": marked(names),
        "kind": field.kind,
        "visibility": _visibility(random, field),
    }
    if random.random() < 0.8:
        record["phones"] = [service_phone(number)]
    if random.random() < 0.6:
        record["email"] = f"accueil@{field.code}-{index}.example"
    if random.random() < 0.5:
        record["url"] = f"https://{field.code}-{index}.example/"
    if field.kind not in {"informal_network", "self_help"} and random.random() < 0.4:
        record["identifiers"] = [{"scheme": "BE-KBO", "identifier": enterprise_number(number)}]
    if record["visibility"] == "network":
        record["network"] = random.choice(NETWORKS)
    return Organization(record, field, pick_place(random), names)


def _visibility(random: Random, field: Field) -> Visibility:
    # An informal group may be harmed by being listed: some are seen by their network, some by
    # themselves alone.
    if field.visibility == "network":
        return random.choice(("network", "network", "own"))
    return field.visibility
