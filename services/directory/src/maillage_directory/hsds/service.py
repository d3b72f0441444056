"""What the HSDS read API answers: pages, single objects, streams of lines."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.database import Database
from maillage_common.errors import NotFound
from maillage_directory.cards.exporting import exported_record
from maillage_directory.cards.selecting import Condition
from maillage_directory.cards.streaming import stream_rows
from maillage_directory.hsds import queries
from maillage_directory.hsds.outgoing import NEEDS_ID, Writer, term_id
from maillage_directory.hsds.past import read_past
from maillage_directory.hsds.schemas import (
    OrganizationFilters,
    PageParams,
    PlaceFilters,
    RecordFilters,
    ServiceFilters,
    TermParams,
)
from maillage_directory.languages import in_language
from maillage_directory.models import ResourceType
from maillage_directory.records.tombstones import refuse_missing
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Terms

Item = dict[str, Any]
# Of an organization's service, when it is not asked for in full.
_BRIEF = ("id", "name", "status")


@dataclass(frozen=True)
class Reader:
    """One caller's reading of the directory in HSDS's shape, in one language."""

    layer: Layer
    terms: Terms
    language: str

    @property
    def writer(self) -> Writer:
        return Writer(self.terms, self.language)

    def service(self, row: Any, *, is_full: bool) -> Item:
        record = exported_record(row, self.layer, now=clock.now())
        made = self.writer.service(record, row.changed_at, self._owner(row))
        if is_full:
            return made
        made["organization"] = _own_members(made["organization"])
        return _own_members(made)

    def place(self, row: Any, *, is_full: bool) -> Item:
        record = exported_record(row, self.layer, now=clock.now())
        place = next(p for p in record["locations"] if p["id"] == row.place["id"])
        made = self.writer.service_at_location(record, place)
        made["last_modified"] = row.changed_at.isoformat()
        if is_full:
            return made
        return {**_own_members(made), "location": _own_members(made["location"])}

    def organization(self, row: Any, params: OrganizationFilters) -> Item:
        record = exported_record(row, self.layer, now=clock.now())
        made = self.writer.organization(record, row.changed_at)
        if not params.full and not params.full_service:
            return _own_members(made)
        offered = [self._offered(row, one) for one in row.services or ()]
        places = {
            place["location_id"]: place["location"]
            for service in offered
            for place in service.get("service_at_locations", ())
        }
        if places:
            made["locations"] = [places[key] for key in sorted(places)]
        if offered:
            made["services"] = [
                one if params.full_service else {name: one[name] for name in _BRIEF}
                for one in offered
            ]
        return made

    def _owner(self, row: Any) -> Item:
        card = SimpleNamespace(
            resource_type="organization",
            organization_id=row.organization_id,
            content=row.organization,
            verified_at=None,
        )
        record = exported_record(card, self.layer, now=clock.now())
        return self.writer.organization(record, row.organization_changed_at)

    def _offered(self, row: Any, offered: Item) -> Item:
        verified_at = offered["verified_at"]
        card = SimpleNamespace(
            resource_type="service",
            organization_id=row.organization_id,
            content=offered["content"],
            verified_at=None if verified_at is None else datetime.fromisoformat(verified_at),
        )
        record = exported_record(card, self.layer, now=clock.now())
        return self.writer.service(record, datetime.fromisoformat(offered["changed_at"]))

    def term(self, row: Any) -> Item:
        made = self.writer.term(row.code)
        if row.pictogram:
            made["pictogram"] = row.pictogram
        if row.exact_match:
            made["term_uri"] = row.exact_match[0]
        made["taxonomy_detail"] = self.taxonomy()
        return made

    def taxonomy(self) -> Item:
        names = {"fr": "Besoins", "nl": "Noden", "en": "Needs"}
        words = {
            "fr": "Ce dont une personne peut avoir besoin, social et santé sur un pied d'égalité",
            "nl": "Wat iemand nodig kan hebben, sociaal en gezondheid op gelijke voet",
            "en": "What a person may need, social and health on an equal footing",
        }
        return {
            "id": str(NEEDS_ID),
            "name": in_language(names, self.language),
            "description": in_language(words, self.language),
            "texts": {"name": names, "description": words},
        }


def _own_members(made: Item) -> Item:
    """Only what HSDS calls one-to-one: no lists of objects."""
    return {
        name: value
        for name, value in made.items()
        if not (isinstance(value, list) and value and isinstance(value[0], dict))
        or name == "closures"
    }


@dataclass(frozen=True)
class Listing:
    """A list: its rows, how many there are, and how a row is shown."""

    statement: str
    counting: str
    condition: Condition
    show: Callable[[Row[Any]], Item]

    async def page(self, session: AsyncSession, params: PageParams) -> Item:
        """Two statements, however many items."""
        total = await queries.count(session, self.counting, self.condition)
        rows = await queries.list_page(
            session, self.statement, self.condition, page=params.page, size=params.size
        )
        return envelope([self.show(row) for row in rows], total, params)

    async def lines(self, database: Database) -> AsyncIterator[bytes]:
        """Every item, one JSON object a line."""
        found = stream_rows(database, self.statement, self.condition.parameters)
        async for rows in found:
            yield b"".join(map(_line, map(self.show, rows)))

    async def first(self, session: AsyncSession) -> Row[Any]:
        """Raises NotFound."""
        rows = await queries.list_page(session, self.statement, self.condition, page=1, size=1)
        if not rows:
            raise NotFound
        return rows[0]

    async def one(self, session: AsyncSession) -> Item:
        """The first; raises NotFound."""
        return self.show(await self.first(session))


def _line(item: Item) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def envelope(items: list[Item], total: int, params: PageParams) -> Item:
    pages = -(-total // params.size)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": params.page,
        "size": len(items),
        "first_page": params.page == 1,
        "last_page": params.page >= pages,
        "empty": not items,
        "contents": items,
    }


def services(reader: Reader, filters: RecordFilters, *, only: UUID | None = None) -> Listing:
    condition = queries.card_condition("service", filters, reader.layer, reader.terms, only=only)
    is_minimal = isinstance(filters, ServiceFilters) and filters.minimal

    def show(row: Row[Any]) -> Item:
        if is_minimal:
            return {"id": str(row.resource_id), "last_modified": row.changed_at.isoformat()}
        return reader.service(row, is_full=filters.full)

    return Listing(
        queries.select_services(condition), queries.count_cards(condition), condition, show
    )


def organizations(
    reader: Reader, filters: OrganizationFilters, *, only: UUID | None = None
) -> Listing:
    condition = queries.card_condition(
        "organization", filters, reader.layer, reader.terms, only=only
    )
    return Listing(
        queries.select_organizations(condition, reader.layer),
        queries.count_cards(condition),
        condition,
        lambda row: reader.organization(row, filters),
    )


async def places(
    session: AsyncSession, reader: Reader, filters: PlaceFilters, *, only: UUID | None = None
) -> Listing:
    condition = queries.place_condition(filters, reader.layer, reader.terms, only=only)
    if filters.postcode is not None and filters.proximity is not None:
        centre = await queries.centre_of(session, filters.postcode, reader.terms)
        condition = queries.within(condition, centre, filters.proximity)
    return Listing(
        queries.select_places(condition),
        queries.count_places(condition),
        condition,
        lambda row: reader.place(row, is_full=filters.full),
    )


def terms_listing(reader: Reader, params: TermParams) -> Listing:
    condition = queries.term_condition(params, reader.terms)
    return Listing(
        queries.select_terms(condition), queries.count_terms(condition), condition, reader.term
    )


async def read_service(session: AsyncSession, reader: Reader, wanted: UUID) -> Item:
    listing = services(reader, RecordFilters(full=True), only=wanted)
    return await _with_past(session, reader, listing, ResourceType.SERVICE, wanted)


async def read_organization(
    session: AsyncSession, reader: Reader, wanted: UUID, *, full_service: bool
) -> Item:
    filters = OrganizationFilters(full=True, full_service=full_service)
    listing = organizations(reader, filters, only=wanted)
    return await _with_past(session, reader, listing, ResourceType.ORGANIZATION, wanted)


async def _with_past(
    session: AsyncSession, reader: Reader, listing: Listing, kind: ResourceType, wanted: UUID
) -> Item:
    """Raises NotFound, and RecordMerged or RecordGone when it was here."""
    try:
        row = await listing.first(session)
    except NotFound as missing:
        refusal = await refuse_missing(session, reader.layer, kind, wanted, api="/hsds/v3")
        raise (missing if isinstance(refusal, NotFound) else refusal) from None
    past = await read_past(session, reader.layer, row)
    return {**listing.show(row), **({"metadata": past} if past else {})}


async def read_place(session: AsyncSession, reader: Reader, wanted: UUID) -> Item:
    listing = await places(session, reader, PlaceFilters(full=True), only=wanted)
    return await listing.one(session)


async def read_term(session: AsyncSession, reader: Reader, wanted: UUID) -> Item:
    code = next((code for code in reader.terms.needs if term_id(code) == wanted), None)
    condition = Condition("n.code = :code", {"code": code})
    statement = queries.select_terms(condition)
    return await Listing(statement, "", condition, reader.term).one(session)


def taxonomies(reader: Reader, params: PageParams) -> Item:
    found = [reader.taxonomy()]
    asked = (params.search or "").lower()
    found = [item for item in found if asked in f"{item['name']} {item['description']}".lower()]
    start = (params.page - 1) * params.size
    return envelope(found[start : start + params.size], len(found), params)


def read_taxonomy(reader: Reader, wanted: UUID) -> Item:
    if wanted != NEEDS_ID:
        raise NotFound
    return reader.taxonomy()
