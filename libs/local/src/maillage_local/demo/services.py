"""Demo services: made-up ones in the region's proportions, and those the personas work in."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from maillage_local.demo.chance import dice
from maillage_local.demo.hours import always, office, pick_closures
from maillage_local.demo.identifiers import demo_id
from maillage_local.demo.offer import Offer
from maillage_local.demo.organizations import Organization, marked
from maillage_local.demo.phones import service_phone
from maillage_local.demo.places import (
    BY_POSTCODE,
    address_at,
    pick_languages,
    pick_place,
    point_near,
)
from maillage_local.demo.records import Answer, Capacity, Location, ServiceRecord, Texts, Visibility

CONDITIONS = (
    "no_papers_needed",
    "undocumented",
    "asylum",
    "temporary_protection",
    "insured",
    "bim",
    "amu",
    "no_insurance",
    "reference_address",
    "above_threshold",
    "anonymous_welcome",
    "men",
    "women",
    "families",
)
STATUSES = frozenset(("undocumented", "asylum", "temporary_protection"))
SERVICES_EACH = ((1, 32), (2, 32), (3, 23), (4, 13))
# Days since a record was last checked, and how many of a hundred are in that range. The rest was
# never checked.
CHECKED_SINCE = (((1, 60), 35), ((61, 200), 25), ((201, 500), 15))
DESCRIPTIONS = {
    "fr": "{about} Service fictif, pour la démonstration.",
    "nl": "{about} Fictieve dienst, voor de demonstratie.",
    "en": "{about} Fictitious service, for the demonstration.",
}
TARGET_NAMES = {
    "fr": "Accueil social et santé Maillage",
    "nl": "Sociaal onthaal en gezondheidsonthaal Maillage",
    "en": "Maillage social and health desk",
}
TARGET_ABOUT = {
    "fr": "Accueil, papiers, mutuelle et médecin au même endroit, jour et nuit.",
    "nl": "Onthaal, papieren, ziekenfonds en arts op dezelfde plek, dag en nacht.",
    "en": "Welcome, paperwork, health insurance and a doctor in one place, day and night.",
}
TARGET_POINT = (50.8562, 4.3331)


def invented_services(
    organization: Organization, *, as_of: datetime, seed: int, first: int
) -> list[ServiceRecord]:
    """One to four services of an organization; `first` numbers their phones."""
    key = (organization.field.code, organization.record["id"])
    counting = dice(seed, "services", *key)
    weights = [weight for _, weight in SERVICES_EACH]
    count = counting.choices([number for number, _ in SERVICES_EACH], weights)[0]
    offers = organization.field.offers
    start = counting.randrange(len(offers))
    made = []
    for index in range(count):
        random = dice(seed, "service", *key, index)
        # More services than offers: the same thing elsewhere, as a branch.
        at = organization if index < len(offers) else _branch(random, organization)
        offer = offers[(start + index) % len(offers)]
        made.append(_service(random, at, offer, index=index, number=first + index, as_of=as_of))
    return made


def fixed_service(organization: Organization, *, as_of: datetime, number: int) -> ServiceRecord:
    """The first service of a fixed organization: steady enough to be told in a tutorial."""
    random = dice("fixed", organization.record["id"])
    made = _service(
        random, organization, organization.field.offers[0], index=0, number=number, as_of=as_of
    )
    made["schedules"] = office(random, as_of.date())
    made["closures"] = []
    made["verified_at"] = _before(as_of, days=7)
    return made


def target_service(organization: Organization, *, as_of: datetime) -> ServiceRecord:
    """The service the story orients to: Arabic and French, no papers, always open, with room."""
    random = dice("target")
    # Written "yes" only where the story needs it: unknown answers are part of the picture.
    welcome = {
        "insured",
        "bim",
        "amu",
        "reference_address",
        "above_threshold",
        "temporary_protection",
    }
    conditions: dict[str, Answer] = {
        name: "unknown" if name in welcome else "yes" for name in CONDITIONS
    }
    return {
        "type": "service",
        "id": demo_id("demo-service:target"),
        "source": "demo",
        "source_date": as_of.date().isoformat(),
        "organization": organization.record["id"],
        "name": marked(TARGET_NAMES),
        "description": _describe(TARGET_ABOUT),
        "needs": ["administration", "general-medicine", "health-insurance"],
        "languages": ["ar", "fr"],
        "interpreter": False,
        "access": ["walk_in"],
        "conditions": conditions,
        "cost": "free",
        "accessible": "yes",
        "schedules": always(random, as_of.date()),
        "closures": [],
        "locations": [_target_location(random)],
        "phones": [service_phone(99_999)],
        "action_zones": ["21012", "21004"],
        "programs": ["RAQ"],
        "visibility": "public",
        "capacity": _capacity_for_months(as_of),
        "verified_at": _before(as_of, days=1),
    }


def _target_location(random: Random) -> Location:
    return {
        "id": demo_id("demo-location:target"),
        "address": address_at(random, BY_POSTCODE["1080"]),
        "latitude": TARGET_POINT[0],
        "longitude": TARGET_POINT[1],
        "confidential": False,
    }


def _capacity_for_months(as_of: datetime) -> Capacity:
    return {
        "status": "capacity",
        "observed_at": _before(as_of, days=1),
        "valid_until": _before(as_of, days=-90),
    }


def _service(
    random: Random,
    organization: Organization,
    offer: Offer,
    *,
    index: int,
    number: int,
    as_of: datetime,
) -> ServiceRecord:
    names = _service_names(offer, organization.names)
    key = f"{organization.record['id']}-{index}"
    record: ServiceRecord = {
        "type": "service",
        "id": demo_id(f"demo-service:{key}"),
        "source": "demo",
        "source_date": as_of.date().isoformat(),
        "organization": organization.record["id"],
        "name": marked(names),
        "description": _describe({language: offer.about[language] for language in names}),
        "kind": organization.record["kind"],
        "needs": list(offer.needs),
        "languages": pick_languages(random, organization.place, first=_written(names)),
        "interpreter": random.random() < 0.2,
        "access": list(offer.access),
        "conditions": {name: _condition(random, offer, name) for name in CONDITIONS},
        "cost": "free"
        if random.random() * 100 < offer.free
        else random.choice(("paid", "unknown")),
        "accessible": _accessible(random),
        "schedules": random.choice(offer.opening)(random, as_of.date()),
        "closures": pick_closures(random, as_of.date()),
        "phones": [service_phone(number)] if random.random() < 0.75 else [],
        "action_zones": _action_zones(random, organization),
        "programs": _programs(random, organization),
        "visibility": _visibility(random, organization),
    }
    _add_audience(record, organization, offer)
    _add_location(random, record, organization, offer, key)
    _add_freshness(random, record, offer, as_of)
    return record


def _written(names: Texts) -> tuple[str, ...]:
    """Whoever writes French or Dutch speaks it."""
    return tuple(language for language in ("fr", "nl") if language in names)


def _branch(random: Random, organization: Organization) -> Organization:
    place = pick_place(random)
    local = {"fr": place.name_fr, "nl": place.name_nl, "en": place.name_fr}
    names = {
        language: f"{name}, {local[language]}" for language, name in organization.names.items()
    }
    return replace(organization, place=place, names=names)


def _cost(random: Random, offer: Offer) -> Literal["free", "paid", "unknown"]:
    if random.random() * 100 < offer.free:
        return "free"
    return random.choice(("paid", "unknown"))


def _offer_names(offer: Offer, languages: Texts) -> Texts:
    return {language: str(getattr(offer, language)) for language in languages}


def _service_names(offer: Offer, names: Texts) -> Texts:
    return {
        language: f"{title} – {names[language]}"
        for language, title in _offer_names(offer, names).items()
    }


def _describe(about: Texts) -> Texts:
    return {
        language: DESCRIPTIONS[language].format(about=words) for language, words in about.items()
    }


def _condition(random: Random, offer: Offer, name: str) -> Answer:
    if name in offer.refuses:
        return "no"
    weights = (35, 10, 55)
    if name in STATUSES and "no_papers_needed" in offer.welcomes:
        # Who asks for no papers refuses no one for the papers they have not.
        weights = (45, 0, 55)
    if name in offer.welcomes:
        weights = (88, 0, 12)
    elif name in {"men", "women", "families"}:
        # A shelter for women is the usual reason to refuse men.
        weights = (20, 60, 20) if offer.confidential and name == "men" else (60, 2, 38)
    answers: tuple[Answer, ...] = ("yes", "no", "unknown")
    return random.choices(answers, weights)[0]


def _action_zones(random: Random, organization: Organization) -> list[str]:
    if random.random() < 0.15:
        return ["bru"]
    return [organization.place.commune]


def _programs(random: Random, organization: Organization) -> list[str]:
    if organization.field.code == "prevention":
        return ["CPPS"] if random.random() < 0.4 else []
    return ["RAQ"] if random.random() < 0.08 else []


def _visibility(random: Random, organization: Organization) -> Visibility:
    own = organization.record["visibility"]
    return "professional" if own == "public" and random.random() < 0.05 else own


def _accessible(random: Random) -> Answer:
    answers: tuple[Answer, ...] = ("yes", "no", "unknown")
    return random.choices(answers, (40, 15, 45))[0]


def _add_audience(record: ServiceRecord, organization: Organization, offer: Offer) -> None:
    if record["visibility"] == "network":
        record["network"] = organization.record.get("network", "RAQ")
    if offer.age_min is not None:
        record["age_min"] = offer.age_min
    if offer.age_max is not None:
        record["age_max"] = offer.age_max


def _add_location(
    random: Random, record: ServiceRecord, organization: Organization, offer: Offer, key: str
) -> None:
    # A service that only phones, visits or drives around has no door to show.
    if not {"walk_in", "appointment"} & set(offer.access):
        return
    latitude, longitude = point_near(random, organization.place)
    record["locations"] = [
        {
            "id": demo_id(f"demo-location:{key}"),
            "address": address_at(random, organization.place),
            "latitude": latitude,
            "longitude": longitude,
            "confidential": offer.confidential,
        }
    ]


def _add_freshness(random: Random, record: ServiceRecord, offer: Offer, as_of: datetime) -> None:
    drawn = random.random() * 100
    for (newest, oldest), percent in CHECKED_SINCE:
        if drawn < percent:
            record["verified_at"] = _before(as_of, days=random.randint(newest, oldest))
            break
        drawn -= percent
    if random.random() < 0.45:
        record["capacity"] = _capacity(random, offer, as_of)


def _capacity(random: Random, offer: Offer, as_of: datetime) -> Capacity:
    # Some reports are long past: what was once known is then "last known", never "available".
    age = random.choice((0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89))
    rest = 100 - offer.full
    status = random.choices(
        ("no_capacity", "waitlist", "additional_assessment_required", "capacity"),
        (offer.full * 0.5, offer.full * 0.5, rest * 0.15, rest * 0.85),
    )[0]
    report: Capacity = {
        "status": status,
        "observed_at": _before(as_of, days=age),
        "valid_until": _before(as_of, days=age - random.choice((7, 14, 30))),
    }
    if status == "waitlist":
        report["waiting_days"] = random.choice((7, 14, 30, 60, 90, 180))
    return report


def _before(instant: datetime, *, days: int) -> str:
    return (instant - timedelta(days=days)).isoformat()
