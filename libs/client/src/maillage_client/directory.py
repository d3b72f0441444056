"""The directory: who does what, where, for whom."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack
from uuid import UUID

from maillage_client.models import FoundService, SearchPage, Service
from maillage_client.transport import Transport

Several = str | list[str]
Status = Literal[
    "undocumented",
    "asylum",
    "temporary_protection",
    "no_papers_needed",
    "reference_address",
    "above_threshold",
    "anonymous_welcome",
    "families",
]
Insurance = Literal["insured", "bim", "amu", "no_insurance"]


class ServiceSearch(TypedDict, total=False):
    """What to look for; filters add up. Codes are those of `/needs` and `/territories`.

    Where a filter takes several values, one may be given alone.
    """

    q: str
    need: Several
    territory: Several
    near: tuple[float, float]
    """(latitude, longitude), WGS 84; with `radius_m` in metres."""
    radius_m: int
    spoken: Several
    """ISO 639 codes."""
    open_at: Literal["now"] | datetime
    """`now`, or an instant with its offset."""
    for_age: int | list[int]
    for_gender: Literal["men", "women"]
    for_status: Status | list[Status]
    for_insurance: Insurance | list[Insurance]
    access: Several
    cost: Literal["free"]
    accessible: bool
    capacity: Several
    program: Several
    kind: Several
    source: Several
    verified_since: datetime
    certain_only: bool
    sort: Literal["relevance", "distance", "name", "freshness"]
    limit: int
    cursor: str


class Directory:
    """`Maillage(…).directory`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def search(self, **wanted: Unpack[ServiceSearch]) -> SearchPage:
        """One page of services, best first, each with why it fits and what is uncertain.

        Nothing about the person searched for is asked, and terms travel in the body.
        """
        found = self._transport.search("/directory/v1/services/search", _as_json(wanted))
        return SearchPage.model_validate(found)

    def search_all(self, **wanted: Unpack[ServiceSearch]) -> Iterator[FoundService]:
        """Every page of a search, one service after the other."""
        page = self.search(**wanted)
        yield from page.items
        while page.next_cursor is not None:
            wanted["cursor"] = page.next_cursor
            page = self.search(**wanted)
            yield from page.items

    def get_service(self, service_id: UUID | str) -> Service:
        """One service; `NotFound` if there is none that this token may see."""
        found = self._transport.get(f"/directory/v1/services/{UUID(str(service_id))}")
        return Service.model_validate(found)


def _as_json(wanted: ServiceSearch) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in wanted.items():
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError(f"{name} needs an offset from UTC")
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = ",".join(map(str, value))
        body[name] = value
    return body
