"""How long a check of each kind of field holds."""

from dataclasses import dataclass

from maillage_directory.models import ResourceType


@dataclass(frozen=True)
class Period:
    """Fields that go stale together, and after how many days; words are for editors."""

    kind: str
    fields: tuple[str, ...]
    days: int
    fr: str
    nl: str
    of: ResourceType = ResourceType.SERVICE


# Comparable directories ask again after six months (Soliguide) or after 1 to 16 months as the
# editor chooses (Dora). Hours change with seasons and staff and cost a wasted journey, so they are
# asked for each quarter; ways to reach and conditions twice a year; what a service is, yearly.
# Capacity has dates of its own.
PERIODS = (
    Period("hours", ("schedules", "closures"), 92, "Horaires", "Openingsuren"),
    Period("reach", ("phones", "email", "url", "contacts"), 183, "Coordonnées", "Contactgegevens"),
    Period(
        "conditions",
        ("conditions", "eligibility", "age_min", "age_max", "cost", "cost_options", "fees")
        + ("languages", "language_notes", "interpreter", "required_documents"),
        183,
        "Conditions et langues",
        "Voorwaarden en talen",
    ),
    Period(
        "place",
        ("locations", "action_zones", "access", "accessible"),
        365,
        "Lieux et accès",
        "Plaatsen en toegang",
    ),
    Period(
        "identity",
        ("name", "description", "needs", "programs", "organization"),
        365,
        "Ce que fait le service",
        "Wat de dienst doet",
    ),
    Period(
        "reach",
        ("phones", "email", "url", "contacts"),
        183,
        "Coordonnées",
        "Contactgegevens",
        of=ResourceType.ORGANIZATION,
    ),
    Period(
        "identity",
        ("name", "description", "kind", "identifiers", "parent", "legal_status"),
        365,
        "Ce qu'est l'organisation",
        "Wat de organisatie is",
        of=ResourceType.ORGANIZATION,
    ),
)
