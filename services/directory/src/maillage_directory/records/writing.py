"""Writes records, many at once: a fixed number of statements however many records there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table, text
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.errors import FieldError
from maillage_directory.models import (
    ActionZone,
    CapacityReport,
    Closure,
    Contact,
    Location,
    Organization,
    OrganizationIdentifier,
    Phone,
    Schedule,
    Service,
    ServiceAtLocation,
    ServiceCondition,
    ServiceLanguage,
    ServiceNeed,
    ServiceProgram,
    Verification,
)
from maillage_directory.projection import among, as_array
from maillage_directory.records.parts import LocationEntry
from maillage_directory.records.rows import Rows
from maillage_directory.vocabulary import Terms

_BELOW_SERVICE: tuple[type[SQLModel], ...] = (
    Schedule,
    ServiceAtLocation,
    Closure,
    ServiceNeed,
    ServiceLanguage,
    ServiceCondition,
    ServiceProgram,
    ActionZone,
    Phone,
    Contact,
)
_BELOW_ORGANIZATION: tuple[type[SQLModel], ...] = (Phone, Contact, OrganizationIdentifier)
_HISTORY: tuple[type[SQLModel], ...] = (CapacityReport, Verification)


def table_of(model: type[SQLModel]) -> Table:
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    assert isinstance(table, Table)
    return table


@dataclass(frozen=True)
class Statement:
    """SQL over many rows, whose columns (in JSON) or ids are its values. Names in it are ours."""

    sql: str
    values: Mapping[str, str] = field(default_factory=dict)


async def perform(session: AsyncSession, statements: Iterable[Statement]) -> None:
    connection = await session.connection()
    for statement in statements:
        await connection.execute(text(statement.sql), dict(statement.values))


async def write_organizations(
    session: AsyncSession, rows: Sequence[dict[str, Any]], parts: Iterable[Rows]
) -> None:
    """Create these organizations or replace what they say; `parts` are the rows below each. The
    caller refreshes the projection."""
    await perform(session, organization_statements(rows, parts))


async def write_services(
    session: AsyncSession, rows: Sequence[dict[str, Any]], parts: Iterable[Rows]
) -> None:
    """Create these services or replace what they say; `parts` are the rows below each.

    Capacity reports and verifications among the parts are added, never replaced. The caller
    refreshes the search projection.
    """
    await perform(session, service_statements(rows, parts))


def organization_statements(
    rows: Sequence[dict[str, Any]],
    parts: Iterable[Rows],
    *,
    replaced: Collection[UUID] | None = None,
) -> list[Statement]:
    """What writes these organizations. `replaced`: those that are here (None: any may be)."""
    if not rows:
        return []
    held = [row["id"] for row in rows] if replaced is None else replaced
    return [
        _upsert(Organization, rows),
        *_clear(_BELOW_ORGANIZATION, "organization_id", held),
        *_add(merged(parts)),
    ]


def service_statements(
    rows: Sequence[dict[str, Any]],
    parts: Iterable[Rows],
    *,
    replaced: Collection[UUID] | None = None,
) -> list[Statement]:
    """What writes these services. `replaced`: those of them that are here (None: any may be)."""
    if not rows:
        return []
    held = [row["id"] for row in rows] if replaced is None else replaced
    below = merged(parts)
    locations = below.pop(Location, [])
    return [
        _upsert(Service, rows),
        *_clear(_BELOW_SERVICE, "service_id", held),
        *_write_locations(locations),
        *_add(below),
    ]


def _clear(
    models: Iterable[type[SQLModel]], owner: str, ids: Collection[UUID]
) -> Iterator[Statement]:
    if ids:
        yield _together(
            [
                Statement(
                    f"DELETE FROM {model.__tablename__}"  # noqa: S608
                    f" WHERE {owner} = ANY (CAST(:ids AS uuid[]))",
                    {"ids": as_array(ids)},
                )
                for model in models
            ]
        )


async def add_history(session: AsyncSession, rows: Rows) -> None:
    """Add capacity reports and verifications; one already told is left as it is."""
    await perform(session, _add(rows))


def merged(parts: Iterable[Rows]) -> Rows:
    """The rows of many records, table by table."""
    together: Rows = defaultdict(list)
    for rows in parts:
        for model, listed in rows.items():
            together[model].extend(listed)
    return together


def _add(rows: Mapping[type[SQLModel], Sequence[Mapping[str, Any]]]) -> list[Statement]:
    """All tables at once: keys are checked at the end of a statement, and each has its price."""
    statements = [
        _insert(model, listed, "ON CONFLICT DO NOTHING" if model in _HISTORY else "")
        for model, listed in rows.items()
        if listed
    ]
    return [_together(statements)] if statements else []


def _together(statements: Sequence[Statement]) -> Statement:
    *others, last = statements
    named = ", ".join(f"w{number} AS ({one.sql})" for number, one in enumerate(others))
    values: dict[str, str] = {}
    for one in statements:
        values |= one.values
    return Statement(f"WITH {named} {last.sql}" if named else last.sql, values)


def _upsert(model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> Statement:
    """Insert or replace by id; a replaced row that has a version gains one."""
    kept = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name != "id")
    grown = ", version = held.version + 1" if "version" in table_of(model).c else ""
    now = clock.now()
    changes = f"ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, {kept}{grown}"
    return _insert(model, [{"updated_at": now, **row} for row in rows], changes)


def _write_locations(rows: Iterable[dict[str, Any]]) -> Iterator[Statement]:
    """A confidential place of which nothing is said keeps what is stored: readers are told nothing
    of it, so that a record that was read, or exported, comes back without."""
    by_id = {row["id"]: row for row in rows}
    silent = {key for key, row in by_id.items() if _says_nothing(row)}
    told = [row for key, row in by_id.items() if key not in silent]
    if told:
        yield _upsert(Location, told)
    if silent:
        yield _insert(
            Location,
            [{"updated_at": clock.now(), **by_id[key]} for key in silent],
            "ON CONFLICT (id) DO UPDATE SET is_confidential = true,"
            " organization_id = excluded.organization_id",
        )


def _says_nothing(row: Mapping[str, Any]) -> bool:
    told = ("name", "street", "city", "postcode", "commune_code", "latitude", "details")
    return bool(row["is_confidential"]) and not any(row[name] for name in told)


def _insert(
    model: type[SQLModel], rows: Sequence[Mapping[str, Any]], otherwise: str = ""
) -> Statement:
    """All rows, which have the same columns, in one statement: keys among them are checked at its
    end, so that their order is free. Rows without an id that their table wants are given one."""
    table, names = str(model.__tablename__), ", ".join(rows[0])
    needs_id = "id" in table_of(model).c and "id" not in rows[0]
    into, taken = (f"id, {names}", f"uuidv7(), {names}") if needs_id else (names, names)
    return Statement(
        f"INSERT INTO {table} AS held ({into}) SELECT {taken}"  # noqa: S608
        f" FROM json_populate_recordset(NULL::{table}, CAST(:{table} AS json)) {otherwise}",
        {table: orjson.dumps(rows, default=str).decode()},
    )


async def locations_of_others(session: AsyncSession, locations: Mapping[UUID, UUID]) -> set[UUID]:
    """Of these locations (id to organization), those that another organization already holds."""
    if not locations:
        return set()
    found = await session.exec(
        select(Location.id, Location.organization_id).where(among(Location.id, locations))
    )
    return {location for location, owner in found if locations[location] != owner}


def place_in_communes(locations: Iterable[LocationEntry], terms: Terms) -> None:
    """Give addresses without commune the one that their postcode certainly lies in."""
    for location in locations:
        address = location.address
        if address is not None and address.commune_nis is None and address.postcode is not None:
            address.commune_nis = _commune_of(address.postcode, terms)


def _commune_of(postcode: str, terms: Terms) -> str | None:
    communes = [code for code, certain in terms.communes_of(postcode).items() if certain]
    return communes[0] if len(communes) == 1 else None


def postcode_faults(locations: Iterable[LocationEntry], terms: Terms) -> Iterator[FieldError]:
    """Postcodes of other communes than the address says, with those that they lie in. What is not
    known of a postcode is no fault."""
    for number, location in enumerate(locations):
        address = location.address
        if address is None or address.commune_nis is None or address.postcode is None:
            continue
        communes = terms.communes_of(address.postcode)
        if communes and address.commune_nis not in communes:
            yield FieldError(
                "postcode_of_another_commune",
                f"This postcode lies in {', '.join(communes)}",
                f"/locations/{number}/address/postcode",
                suggestions=list(communes),
            )
