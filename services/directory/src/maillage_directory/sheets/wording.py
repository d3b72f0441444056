"""The words of printed sheets, in French, Dutch and English."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from maillage_common.dates import day_of
from maillage_directory.languages import in_language
from maillage_directory.opening import WEEKDAYS
from maillage_directory.search.reasons import say

_COLUMN = {"fr": 0, "nl": 1, "en": 2}
WORDS: Mapping[str, tuple[str, str, str]] = {
    "address": ("Adresse", "Adres", "Address"),
    "confidential": (
        "Adresse confidentielle : téléphonez",
        "Vertrouwelijk adres: bel eerst",
        "Confidential address: phone first",
    ),
    "hours": ("Horaire", "Openingsuren", "Opening hours"),
    "hours_unknown": ("inconnu : téléphonez", "onbekend: bel eerst", "unknown: phone first"),
    "closed": ("Fermé", "Gesloten", "Closed"),
    "languages": ("Langues", "Talen", "Languages"),
    "interpreter": ("interprète possible", "tolk mogelijk", "interpreter possible"),
    "access": ("Accès", "Toegang", "Access"),
    "for_whom": ("Pour qui", "Voor wie", "For whom"),
    "ages": ("de {0} à {1} ans", "van {0} tot {1} jaar", "ages {0} to {1}"),
    "cost": ("Prix", "Prijs", "Cost"),
    "free": ("gratuit", "gratis", "free"),
    "paid": ("payant", "betalend", "paid"),
    "papers": ("À apporter", "Mee te brengen", "Bring along"),
    "room": ("Places", "Plaats", "Room"),
    "note": ("Note", "Nota", "Note"),
    "checked": ("Vérifié le {0}", "Nagekeken op {0}", "Checked on {0}"),
    "unchecked": ("Pas encore vérifié", "Nog niet nagekeken", "Not checked yet"),
    "made": ("Imprimé le {0}", "Afgedrukt op {0}", "Printed on {0}"),
    "services": ("{0} services", "{0} diensten", "{0} services"),
    "find": ("Chercher dans cette page", "Zoek in deze pagina", "Find in this page"),
    "offline": (
        "Lisible sans connexion. Fait le {0} : téléphonez avant d'y aller.",
        "Leesbaar zonder verbinding. Gemaakt op {0}: bel vooraf.",
        "Readable without a connection. Made on {0}: phone before going.",
    ),
    "none": ("Aucun service à montrer.", "Geen dienst om te tonen.", "No service to show."),
    "walk_in": ("sans rendez-vous", "zonder afspraak", "walk-in"),
    "appointment": ("sur rendez-vous", "op afspraak", "by appointment"),
    "home_visit": ("à domicile", "aan huis", "home visits"),
    "phone": ("par téléphone", "per telefoon", "by phone"),
    "online": ("en ligne", "online", "online"),
    "mobile_round": ("tournée mobile", "mobiele ronde", "mobile round"),
    "interpreter_on_request": (
        "interprète sur demande",
        "tolk op aanvraag",
        "interpreter on request",
    ),
    "holidays": (
        "aussi les jours fériés",
        "ook op feestdagen",
        "public holidays too",
    ),
    "every_day": ("tous les jours", "elke dag", "every day"),
    "days": ("du {0} au {1}", "{0} tot en met {1}", "{0} to {1}"),
    "month_day": ("le {0} du mois", "de {0} van de maand", "on day {0} of the month"),
    "every": ("toutes les {0} semaines", "om de {0} weken", "every {0} weeks"),
    "every_month": ("tous les {0} mois", "om de {0} maanden", "every {0} months"),
}
_DAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_NTH = {
    "fr": {1: "1er", -1: "dernier", -2: "avant-dernier"},
    "nl": {1: "1e", -1: "laatste", -2: "voorlaatste"},
    "en": {1: "1st", 2: "2nd", 3: "3rd", -1: "last", -2: "last but one"},
}
_NTH_OTHERS = {"fr": "{0}e", "nl": "{0}e", "en": "{0}th"}


# A mobile number; a free one (0800) or one with a price (0900 to 0909), which no zone's begin like;
# one of a zone with one digit (2 is Brussels), one of any other zone.
_BELGIAN = re.compile(
    r"\+32(?:(4\d\d)(\d\d)(\d\d)(\d\d)|(800|90\d)(\d\d)(\d{3})"
    r"|([2349])(\d{3})(\d\d)(\d\d)|(\d\d)(\d\d)(\d\d)(\d\d))"
)


def word(language: str, key: str, *facts: object) -> str:
    return WORDS[key][_COLUMN[language]].format(*facts)


def day_text(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year}"


def phone_text(number: str) -> str:
    """A Belgian number as it is written and dialled here, "02 555 00 01"; any other as it is."""
    belgian = _BELGIAN.fullmatch(number)
    return "0" + " ".join(filter(None, belgian.groups())) if belgian else number


def hours_lines(schedules: Iterable[Mapping[str, Any]], language: str) -> list[str]:
    """Opening hours to read, days with the same hours together: "lundi, mardi 09:00–12:00"."""
    lines: dict[tuple[str, str], list[str]] = {}
    for schedule in schedules:
        span = f"{schedule['opens_at']}–{schedule['closes_at']}"
        lines.setdefault((_days_text(schedule, language), _rest(schedule, language)), []).append(
            span
        )
    return [
        " ".join(filter(None, (days, ", ".join(spans), rest)))
        for (days, rest), spans in lines.items()
    ]


def _days_text(schedule: Mapping[str, Any], language: str) -> str:
    days = _week([part for part in (schedule.get("byday") or "").split(",") if part], language)
    dates = (schedule.get("bymonthday") or "").replace(",", ", ")
    if dates:
        days.append(word(language, "month_day", dates))
    return ", ".join(days)


def _week(parts: Sequence[str], language: str) -> list[str]:
    """The days one by one, or three and more in a row as "du lundi au vendredi"."""
    days = [_day(part, language) for part in parts]
    if tuple(parts) == WEEKDAYS:
        return [word(language, "every_day")]
    if len(parts) > 2 and ",".join(parts) in ",".join(WEEKDAYS):
        return [word(language, "days", days[0], days[-1])]
    return days


def _day(part: str, language: str) -> str:
    name = _DAYS[language][WEEKDAYS.index(part[-2:])]
    if part[:-2] == "":
        return name
    number = int(part[:-2])
    nth = _NTH[language].get(number) or _NTH_OTHERS[language].format(number)
    return f"{nth} {name}"


def _rest(schedule: Mapping[str, Any], language: str) -> str:
    told = []
    if schedule["interval"] > 1:
        key = "every" if schedule["freq"] == "WEEKLY" else "every_month"
        told.append(word(language, key, schedule["interval"]))
    starts = schedule.get("valid_from") or schedule.get("dtstart")
    ends = schedule.get("valid_to") or schedule.get("until")
    if starts or ends:
        told.append("–".join(day_text(date.fromisoformat(d)) if d else "…" for d in (starts, ends)))
    if schedule["on_holidays"] == "open":
        told.append(word(language, "holidays"))
    return f"({', '.join(told)})" if told else ""


def closures_lines(closures: Iterable[Mapping[str, Any]], today: date, language: str) -> list[str]:
    """Closures that are not over yet."""
    lines = []
    for closure in closures:
        starts, ends = (date.fromisoformat(closure[name]) for name in ("from", "to"))
        if ends < today:
            continue
        days = day_text(starts) if starts == ends else f"{day_text(starts)}–{day_text(ends)}"
        reason = in_language(closure.get("reason"), language)
        lines.append(f"{word(language, 'closed')} {days}" + (f" ({reason})" if reason else ""))
    return lines


def conditions_line(service: Mapping[str, Any], language: str) -> str:
    """What is certain about for whom it is."""
    told = [
        say(language, f"yes_{kind}")
        for kind, state in service["conditions"].items()
        if state == "yes"
    ]
    if service["accessible"] == "yes":
        told.append(say(language, "yes_accessible"))
    if "age_min" in service or "age_max" in service:
        told.append(word(language, "ages", service.get("age_min", 0), service.get("age_max", "…")))
    return ", ".join(told)


def capacity_line(service: Mapping[str, Any], language: str) -> str:
    """Whether there is room, with the day it was told; nothing when that is not known."""
    capacity = service["capacity"]
    if capacity["status"] == "unknown":
        return ""
    told_on = day_of(datetime.fromisoformat(capacity["observed_at"]))
    line = say(language, capacity["status"], day_text(told_on))
    if capacity["status"] == "waitlist" and capacity.get("waiting_days"):
        line += say(language, "waiting_days", capacity["waiting_days"])
    return line
