"""How well a service is described: a score from 0 to 1, and what would raise it.

The mean of what applies to the service, each fulfilled, half fulfilled or not. The same rule stands
in SQL (`service_quality`, migration 0009), where searches filter by it; a test keeps the two one.
No criterion asks the clock: freshness is the worklist's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Shorter than this, a description says little more than the name.
MIN_DESCRIPTION = 50


@dataclass(frozen=True)
class Criterion:
    """`measure` gives 0 to 1, or None when it does not apply. Words are for editors."""

    code: str
    fields: tuple[str, ...]
    fr: str
    nl: str
    measure: Callable[[Mapping[str, Any]], float | None]


def _both_languages(name: str, least: int) -> Callable[[Mapping[str, Any]], float]:
    def measure(card: Mapping[str, Any]) -> float:
        texts = card.get(name) or {}
        return sum(0.5 for language in ("fr", "nl") if len(texts.get(language, "")) >= least)

    return measure


def _any_of(*names: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda card: 1.0 if any(card.get(name) for name in names) else 0.0


def _known(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda card: 0.0 if card.get(name, "unknown") == "unknown" else 1.0


def _accessible(card: Mapping[str, Any]) -> float | None:
    is_placed = any(not place["confidential"] for place in card.get("locations", []))
    return _known("accessible")(card) if is_placed else None


CRITERIA = (
    Criterion(
        "name_in_both",
        ("name",),
        "Donner le nom en français et en néerlandais",
        "Geef de naam in het Frans en in het Nederlands",
        _both_languages("name", 1),
    ),
    Criterion(
        "description_in_both",
        ("description",),
        "Décrire le service en quelques phrases, en français et en néerlandais",
        "Beschrijf de dienst in enkele zinnen, in het Frans en in het Nederlands",
        _both_languages("description", MIN_DESCRIPTION),
    ),
    Criterion(
        "needs",
        ("needs",),
        "Dire à quels besoins le service répond",
        "Zeg op welke noden de dienst een antwoord biedt",
        _any_of("needs"),
    ),
    Criterion(
        "reachable",
        ("phones", "email"),
        "Donner un numéro de téléphone ou une adresse e-mail",
        "Geef een telefoonnummer of een e-mailadres",
        _any_of("phones", "email"),
    ),
    Criterion(
        "access",
        ("access",),
        "Dire comment on y accède : sans rendez-vous, sur rendez-vous, à domicile …",
        "Zeg hoe men er terechtkan: zonder afspraak, op afspraak, aan huis …",
        _any_of("access"),
    ),
    Criterion(
        "languages",
        ("languages",),
        "Dire quelles langues on y parle",
        "Zeg welke talen er gesproken worden",
        _any_of("languages"),
    ),
    Criterion(
        "hours",
        ("schedules",),
        "Donner les heures d'ouverture",
        "Geef de openingsuren",
        _any_of("schedules"),
    ),
    Criterion(
        "where",
        ("locations", "action_zones"),
        "Dire où il se trouve ou quelles communes il dessert",
        "Zeg waar hij zich bevindt of welke gemeenten hij bedient",
        _any_of("locations", "action_zones"),
    ),
    Criterion(
        "cost",
        ("cost",),
        "Dire si c'est gratuit",
        "Zeg of het gratis is",
        _known("cost"),
    ),
    Criterion(
        "accessible",
        ("accessible",),
        "Dire si le lieu est accessible en chaise roulante",
        "Zeg of de plek toegankelijk is met een rolstoel",
        _accessible,
    ),
    Criterion(
        "conditions",
        ("conditions",),
        "Dire pour qui il est : assurance, papiers, âge …",
        "Zeg voor wie hij is: verzekering, papieren, leeftijd …",
        _any_of("conditions"),
    ),
    Criterion(
        "verified",
        (),
        "Faire vérifier la fiche une première fois",
        "Laat de fiche een eerste keer controleren",
        _any_of("verified_at"),
    ),
)


def quality_of(card: Mapping[str, Any], *, is_verified: bool) -> dict[str, Any]:
    """`{"score": 0.75, "to_fix": [{"code", "fields", "text": {"fr", "nl"}}]}`, worst first."""
    asked = {**card, "verified_at": is_verified}
    measured = [(one.measure(asked), one) for one in CRITERIA]
    applying = [(value, one) for value, one in measured if value is not None]
    lacking = sorted(
        ((value, number, one) for number, (value, one) in enumerate(applying) if value < 1),
    )
    return {
        "score": round(sum(value for value, _ in applying) / len(applying), 3),
        "to_fix": [
            {"code": one.code, "fields": list(one.fields), "text": {"fr": one.fr, "nl": one.nl}}
            for _, _, one in lacking
        ],
    }
