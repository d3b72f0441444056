"""Occurrences as an iCalendar file (RFC 5545), for anybody's own calendar."""

from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING, Any

from maillage_common import clock
from maillage_directory.agenda.occurrences import Held
from maillage_directory.languages import in_language

if TYPE_CHECKING:
    from icalendar import Event

MEDIA_TYPE = "text/calendar"
_TITLES = {
    "fr": "Agenda des services social-santé",
    "nl": "Agenda van de sociaal- en gezondheidsdiensten",
    "en": "Agenda of social and health services",
}


def calendar_of(occurrences: Iterable[Held], *, language: str) -> bytes:
    """One VEVENT an occurrence, in instants of UTC: holidays and cancelled days are taken into
    account here, which no RRULE can tell."""
    # Holds 4 MB, and most processes are never asked.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//Maillage//directory//FR")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _TITLES[language])
    calendar.add("x-wr-timezone", "Europe/Brussels")
    for held in occurrences:
        calendar.add_component(_entry(held, language))
    written: bytes = calendar.to_ical()
    return written


def _entry(held: Held, language: str) -> "Event":
    from icalendar import Event

    event = held.event
    entry = Event()
    entry.add("uid", f"{event.id}-{held.on:%Y%m%d}@maillage.brussels")
    entry.add("dtstamp", clock.now())
    entry.add("last-modified", event.updated_at)
    entry.add("sequence", event.version)
    entry.add("dtstart", held.starts_at.astimezone(UTC))
    entry.add("dtend", held.ends_at.astimezone(UTC))
    entry.add("summary", in_language(event.name, language) or "")
    entry.add("categories", [event.kind, *event.needs])
    entry.add("class", "PUBLIC" if event.visibility == "public" else "PRIVATE")
    entry.add("contact", in_language(event.organization_name, language) or "")
    if words := in_language(event.description, language):
        entry.add("description", words)
    if url := event.details.get("url"):
        entry.add("url", url)
    _add_place(entry, event.place, language)
    return entry


def _add_place(entry: "Event", place: dict[str, Any] | None, language: str) -> None:
    """Where it is, unless that is confidential."""
    if place is None or place.get("confidential"):
        return
    from icalendar import vText

    town = " ".join(filter(None, (place.get("postcode"), in_language(place.get("city"), language))))
    lines = [
        in_language(place.get("name"), language),
        in_language(place.get("street"), language),
        town,
    ]
    if told := ", ".join(filter(None, lines)):
        entry.add("location", vText(told))
    if place.get("latitude") is not None:
        entry.add("geo", (place["latitude"], place["longitude"]))
