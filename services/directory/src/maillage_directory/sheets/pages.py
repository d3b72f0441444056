"""Services on paper and offline: whole HTML pages that ask nothing of anybody else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from maillage_common.dates import day_of
from maillage_directory.languages import in_language, language_name
from maillage_directory.sheets.wording import (
    capacity_line,
    closures_lines,
    conditions_line,
    day_text,
    hours_lines,
    phone_text,
    word,
)

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def _page(name: str) -> "Template":
    """A template of ours."""
    # Imported here: most processes print nothing, and it costs each 2 MB.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("maillage_directory.sheets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["phone_text"] = phone_text
    return pages.get_template(f"{name}.html")


@dataclass(frozen=True)
class SheetItem:
    """A service as `render_service` gives it, and a note on it."""

    service: Mapping[str, Any]
    note: Mapping[str, str] = field(default_factory=dict)


def sheet_headers(language: str) -> dict[str, str]:
    """Nothing in the page may load anything, or be framed; its own style and script may run."""
    return {
        "Content-Language": language,
        "Vary": "Accept-Language",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def collection_page(
    *,
    title: str,
    description: str | None,
    publisher: str,
    items: Sequence[SheetItem],
    needs: Mapping[str, Mapping[str, str]],
    language: str,
    now: datetime,
) -> str:
    """A collection to print."""
    made = word(language, "made", day_text(day_of(now)))
    head = page_head(
        title,
        language=language,
        lines=[line for line in (description, f"{publisher} — {made}") if line],
    )
    services = service_sections(items, needs, language=language, now=now)
    return "".join([head, *services, page_tail(language, is_empty=not items)])


def page_head(title: str, *, language: str, lines: Sequence[str], with_search: bool = False) -> str:
    return _page("head").render(
        title=title,
        language=language,
        lines=lines,
        find=word(language, "find") if with_search else None,
    )


def page_tail(language: str, *, is_empty: bool) -> str:
    return _page("tail").render(empty=word(language, "none") if is_empty else None)


def service_sections(
    items: Iterable[SheetItem],
    needs: Mapping[str, Mapping[str, str]],
    *,
    language: str,
    now: datetime,
) -> Iterator[str]:
    today = day_of(now)
    for item in items:
        service = item.service
        verified = service.get("verified_at")
        verified_on = verified and day_of(datetime.fromisoformat(verified))
        yield _page("service").render(
            label=service["label"],
            organization=in_language(service["organization"]["name"], language),
            needs=[in_language(needs.get(code, {}), language) or code for code in service["needs"]],
            words=in_language(service.get("easy_read") or service["description"], language),
            alert=in_language(service.get("alert"), language),
            note=in_language(item.note, language),
            phones=service["phones"],
            contacts=service["contacts"],
            email=service.get("email"),
            url=service.get("url"),
            rows=[row for row in _rows(service, today, language) if row[1]],
            checked=(
                word(language, "checked", day_text(verified_on))
                if verified_on
                else word(language, "unchecked")
            ),
            note_label=word(language, "note"),
        )


def _rows(service: Mapping[str, Any], today: Any, language: str) -> Iterator[tuple[str, list[str]]]:
    """What is said in lines, each under its heading; without lines it is left out."""

    def about(key: str, lines: Iterable[str | None]) -> tuple[str, list[str]]:
        return word(language, key), [line for line in lines if line]

    yield about("address", (_address(place, language) for place in service["locations"]))
    hours = hours_lines(service["schedules"], language) or [word(language, "hours_unknown")]
    yield about("hours", [*hours, *closures_lines(service["closures"], today, language)])
    spoken = [language_name(code, language) for code in service["languages"]]
    if service["interpreter"]:
        spoken.append(word(language, "interpreter"))
    yield about("languages", [", ".join(spoken)])
    yield about("access", [", ".join(word(language, mode) for mode in service["access"])])
    yield about("for_whom", [conditions_line(service, language)])
    cost = word(language, service["cost"]) if service["cost"] != "unknown" else None
    yield about("cost", [cost, in_language(service.get("fees"), language)])
    papers = service.get("required_documents", ())
    yield about("papers", (in_language(paper["document"], language) for paper in papers))
    yield about("room", [capacity_line(service, language)])


def _address(place: Mapping[str, Any], language: str) -> str:
    if place["confidential"]:
        return word(language, "confidential")
    address = place.get("address") or {}
    town = " ".join(
        filter(None, (address.get("postcode"), in_language(address.get("city"), language)))
    )
    lines = [
        in_language(place.get("name"), language),
        in_language(address.get("street"), language),
        town,
        in_language(place.get("at_location"), language),
    ]
    return ", ".join(filter(None, lines))
