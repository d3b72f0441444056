"""Why a service is in the answer, and what is not certain about it, in FR, NL and EN."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from maillage_directory.cards.kept import KeptCard
from maillage_directory.languages import in_language, language_name
from maillage_directory.opening import BRUSSELS
from maillage_directory.search.conditions import wanted_answers
from maillage_directory.search.schemas import SearchParams
from maillage_directory.vocabulary import Terms

_WORDS: Mapping[str, tuple[str, str, str]] = {
    "need": ("pour : {0}", "voor: {0}", "for: {0}"),
    "spoken": ("parle {0}", "spreekt {0}", "speaks {0}"),
    "checked": (" (vérifié le {0})", " (nagekeken op {0})", " (checked {0})"),
    "open_until": ("ouvert jusqu'à {0}", "open tot {0}", "open until {0}"),
    "open_then": ("ouvert le {0}", "open op {0}", "open on {0}"),
    "inside": ("dessert {0}", "werkt in {0}", "serves {0}"),
    "away": ("à {0} m", "op {0} m", "{0} m away"),
    "remote": (
        "sans se déplacer (téléphone, en ligne ou à domicile)",
        "zonder verplaatsing (telefoon, online of thuis)",
        "without going there (phone, online or at home)",
    ),
    "capacity": (
        "a de la place (signalé le {0})",
        "heeft plaats (gemeld op {0})",
        "has room (reported {0})",
    ),
    "waitlist": ("liste d'attente", "wachtlijst", "waiting list"),
    "no_capacity": ("complet", "volzet", "full"),
    "additional_assessment_required": (
        "place à voir après évaluation",
        "plaats na beoordeling",
        "room to be told after an assessment",
    ),
    "waiting_days": (
        " (environ {0} jours)",
        " (ongeveer {0} dagen)",
        " (about {0} days)",
    ),
    "age": ("à {0} ans", "op {0} jaar", "at age {0}"),
    "resembling": ("orthographe proche", "gelijkende spelling", "similar spelling"),
    "unknown": ("{0} : inconnu", "{0}: onbekend", "{0}: unknown"),
    "territory_unsure": (
        "territoire : à vérifier",
        "gebied: na te kijken",
        "territory: not certain",
    ),
    "place_untold": (
        "lieu : non communiqué",
        "plaats: niet meegedeeld",
        "place: not told",
    ),
    "yes_undocumented": (
        "accueille les personnes sans titre de séjour",
        "ontvangt mensen zonder papieren",
        "welcomes people without papers",
    ),
    "yes_asylum": (
        "accueille les personnes en demande d'asile",
        "ontvangt asielzoekers",
        "welcomes asylum seekers",
    ),
    "yes_temporary_protection": (
        "accueille les personnes sous protection temporaire",
        "ontvangt mensen met tijdelijke bescherming",
        "welcomes people under temporary protection",
    ),
    "yes_no_papers_needed": ("aucun document demandé", "geen documenten nodig", "no papers needed"),
    "yes_reference_address": (
        "accepte l'adresse de référence",
        "aanvaardt een referentieadres",
        "accepts a reference address",
    ),
    "yes_above_threshold": (
        "aussi juste au-dessus du plafond",
        "ook net boven de grens",
        "also just above the threshold",
    ),
    "yes_anonymous_welcome": ("anonymat possible", "kan anoniem", "anonymous welcome"),
    "yes_families": ("accueille les familles", "ontvangt gezinnen", "welcomes families"),
    "yes_men": ("accueille les hommes", "ontvangt mannen", "welcomes men"),
    "yes_women": ("accueille les femmes", "ontvangt vrouwen", "welcomes women"),
    "yes_insured": ("pour les personnes assurées", "voor verzekerden", "for insured people"),
    "yes_bim": (
        "pour les bénéficiaires de l'intervention majorée (BIM)",
        "voor mensen met verhoogde tegemoetkoming",
        "for BIM beneficiaries",
    ),
    "yes_amu": ("aide médicale urgente", "dringende medische hulp", "urgent medical aid"),
    "yes_no_insurance": ("sans assurance", "zonder verzekering", "without insurance"),
    "yes_cost_free": ("gratuit", "gratis", "free"),
    "yes_accessible": ("accessible en fauteuil", "rolstoeltoegankelijk", "wheelchair accessible"),
    "the_undocumented": ("sans titre de séjour", "zonder papieren", "without papers"),
    "the_asylum": ("asile", "asiel", "asylum"),
    "the_temporary_protection": (
        "protection temporaire",
        "tijdelijke bescherming",
        "temporary protection",
    ),
    "the_no_papers_needed": ("documents", "documenten", "papers"),
    "the_reference_address": ("adresse de référence", "referentieadres", "reference address"),
    "the_above_threshold": ("au-dessus du plafond", "boven de grens", "above the threshold"),
    "the_anonymous_welcome": ("anonymat", "anonimiteit", "anonymity"),
    "the_families": ("familles", "gezinnen", "families"),
    "the_men": ("hommes", "mannen", "men"),
    "the_women": ("femmes", "vrouwen", "women"),
    "the_insured": ("personnes assurées", "verzekerden", "insured people"),
    "the_bim": ("BIM", "verhoogde tegemoetkoming", "BIM"),
    "the_amu": ("aide médicale urgente", "dringende medische hulp", "urgent medical aid"),
    "the_no_insurance": ("sans assurance", "zonder verzekering", "without insurance"),
    "the_cost_free": ("gratuité", "gratis", "cost"),
    "the_accessible": ("accès en fauteuil", "rolstoeltoegang", "wheelchair access"),
    "the_age": ("âge", "leeftijd", "age"),
}
_COLUMN = {"fr": 0, "nl": 1, "en": 2}


def say(language: str, key: str, *facts: object) -> str:
    return _WORDS[key][_COLUMN[language]].format(*facts)


class Explaining:
    """Explains the items of one search in one language: what they share is said once."""

    def __init__(self, params: SearchParams, terms: Terms, *, language: str, now: datetime) -> None:
        self._params, self._terms, self._language, self._now = params, terms, language, now
        self._branches = [terms.need_branch(asked) for asked in params.need]
        self._wanted = wanted_answers(params)
        self._inside = say(language, "inside", self._territories()) if params.territory else ""
        self._spoken = [
            (code, say(language, "spoken", language_name(code, language))) for code in params.spoken
        ]
        instants = [moment for moment in params.open_at if isinstance(moment, datetime)]
        self._opened = [say(language, "open_then", _shown(moment)) for moment in instants[:1]]

    def reasons(self, row: Any, card: KeptCard, *, closes_at: str | None) -> list[str]:
        """What speaks for this row, in the order of the filters; `closes_at` is Brussels time."""
        params, language, facts = self._params, self._language, card.facts
        told: list[str] = []
        if row.resembling:
            told.append(say(language, "resembling"))
        for branch in self._branches:
            named = [self._need(code) for code in facts["needs"] if code in branch]
            if named:
                told.append(say(language, "need", ", ".join(named)))
        if params.territory and not row.outside:
            told.append(self._inside)
        if params.near:
            told += self._place(row, facts)
        if self._spoken:
            told += self._languages(card)
        if params.open_at:
            told += self._hours(closes_at)
        for name in self._wanted:
            if _answer(facts, name) == "yes":
                told.append(say(language, f"yes_{name}"))
        if params.for_age and ("age_min" in facts or "age_max" in facts):
            told.append(say(language, "age", ", ".join(map(str, params.for_age))))
        if "capacity" in facts:
            told += _capacity(facts["capacity"], language, self._now)
        return told

    def uncertainties(self, row: Any, card: KeptCard) -> list[str]:
        """What is not known of this row, of what was asked."""
        params, language, facts = self._params, self._language, card.facts
        told = [
            say(language, "unknown", say(language, f"the_{name}"))
            for name in self._wanted
            if _answer(facts, name) == "unknown"
        ]
        if params.for_age and "age_min" not in facts and "age_max" not in facts:
            told.append(say(language, "unknown", say(language, "the_age")))
        if params.near and params.radius_m and row.distance_m is None and row.uncertain:
            told.append(say(language, "place_untold"))
        if params.territory and not row.outside and row.uncertain and not told:
            told.append(say(language, "territory_unsure"))
        return told

    def _need(self, code: str) -> str:
        return in_language(self._terms.needs[code], self._language) or code

    def _territories(self) -> str:
        return ", ".join(
            in_language(self._terms.territories[code], self._language) or code
            for code in self._params.territory
        )

    def _place(self, row: Any, facts: Mapping[str, Any]) -> Sequence[str]:
        if row.distance_m is not None:
            return [say(self._language, "away", row.distance_m)]
        remote = {"phone", "online", "home_visit", "mobile_round"} & set(facts["access"])
        return [say(self._language, "remote")] if remote else []

    def _languages(self, card: KeptCard) -> Sequence[str]:
        checked = ""
        if card.verified_on is not None:
            checked = say(self._language, "checked", card.verified_on)
        return [told + checked for code, told in self._spoken if code in card.facts["languages"]]

    def _hours(self, closes_at: str | None) -> Sequence[str]:
        if "now" in self._params.open_at and closes_at is not None:
            clock = closes_at[11:16]
            return [say(self._language, "open_until", "24:00" if clock == "00:00" else clock)]
        return self._opened


def _answer(facts: Mapping[str, Any], name: str) -> str:
    if name == "cost_free":
        return {"free": "yes", "paid": "no"}.get(facts["cost"], "unknown")
    if name == "accessible":
        return str(facts["accessible"])
    return str(facts["conditions"].get(name, "unknown"))


@lru_cache(maxsize=256)
def _shown(moment: datetime) -> str:
    return moment.astimezone(BRUSSELS).strftime("%Y-%m-%d %H:%M")


def _capacity(report: Mapping[str, Any], language: str, now: datetime) -> Sequence[str]:
    if datetime.fromisoformat(report["valid_until"]) <= now:
        return []
    told = say(language, report["status"], report["observed_at"][:10])
    if "waiting_days" in report:
        told += say(language, "waiting_days", report["waiting_days"])
    return [told]
