"""Writes records, many at once: a fixed number of statements however many records there are."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
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


async def write_organizations(
    session: AsyncSession, rows: Sequence[dict[str, Any]], parts: Iterable[Rows]
) -> None:
    """Create these organizations or replace what they say; `parts` are the rows below each."""
    if not rows:
        return
    connection = await session.connection()
    ids = [row["id"] for row in rows]
    await _upsert(connection, Organization, rows)
    for model in _BELOW_ORGANIZATION:
        await _delete_below(connection, model, "organization_id", ids)
    await _insert_all(connection, merged(parts))


async def write_services(
    session: AsyncSession, rows: Sequence[dict[str, Any]], parts: Iterable[Rows]
) -> None:
    """Create these services or replace what they say; `parts` are the rows below each.

    Capacity reports and verifications among the parts are added, never replaced. The caller
    refreshes the search projection.
    """
    if not rows:
        return
    connection = await session.connection()
    ids = [row["id"] for row in rows]
    await _upsert(connection, Service, rows)
    for model in _BELOW_SERVICE:
        await _delete_below(connection, model, "service_id", ids)
    below = merged(parts)
    locations = below.pop(Location, [])
    await _write_locations(connection, locations)
    await _insert_all(connection, below)


async def _delete_below(
    connection: AsyncConnection, model: type[SQLModel], owner: str, ids: Sequence[UUID]
) -> None:
    """One array of ids rather than a parameter each, which costs more than the deleting."""
    await connection.execute(
        text(
            f"DELETE FROM {model.__tablename__}"  # noqa: S608
            f" WHERE {owner} = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": list(ids)},
    )


async def add_history(session: AsyncSession, rows: Rows) -> None:
    """Add capacity reports and verifications; one already told is left as it is."""
    await _insert_all(await session.connection(), rows)


def merged(parts: Iterable[Rows]) -> Rows:
    """The rows of many records, table by table."""
    together: Rows = defaultdict(list)
    for rows in parts:
        for model, listed in rows.items():
            together[model].extend(listed)
    return together


async def _insert_all(connection: AsyncConnection, rows: Mapping[type[SQLModel], Any]) -> None:
    for model, listed in rows.items():
        await _insert(
            connection, model, listed, "ON CONFLICT DO NOTHING" if model in _HISTORY else ""
        )


async def _upsert(
    connection: AsyncConnection, model: type[SQLModel], rows: Sequence[dict[str, Any]]
) -> None:
    """Insert or replace by id; a replaced row that has a version gains one."""
    if not rows:
        return
    kept = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name != "id")
    grown = ", version = held.version + 1" if "version" in table_of(model).c else ""
    stamped = [{"updated_at": clock.now(), **row} for row in rows]
    changes = f"ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, {kept}{grown}"
    await _insert(connection, model, stamped, changes)


async def _write_locations(connection: AsyncConnection, rows: Iterable[dict[str, Any]]) -> None:
    """A confidential place of which nothing is said keeps what is stored: readers are told nothing
    of it, so that a record that was read, or exported, comes back without."""
    by_id = {row["id"]: row for row in rows}
    silent = {key for key, row in by_id.items() if _says_nothing(row)}
    await _upsert(connection, Location, [row for key, row in by_id.items() if key not in silent])
    await _insert(
        connection,
        Location,
        [{"updated_at": clock.now(), **by_id[key]} for key in silent],
        "ON CONFLICT (id) DO UPDATE SET is_confidential = true,"
        " organization_id = excluded.organization_id",
    )


def _says_nothing(row: Mapping[str, Any]) -> bool:
    told = ("name", "street", "city", "postcode", "commune_code", "latitude", "details")
    return bool(row["is_confidential"]) and not any(row[name] for name in told)


async def _insert(
    connection: AsyncConnection,
    model: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    otherwise: str = "",
) -> None:
    """All rows, which have the same columns, in one statement: keys among them are checked at its
    end, so that their order is free. Table and column names are our own."""
    if not rows:
        return
    table, names = str(model.__tablename__), ", ".join(rows[0])
    await connection.execute(
        text(
            f"INSERT INTO {table} AS held ({names}) SELECT {names}"  # noqa: S608
            f" FROM json_populate_recordset(NULL::{table}, CAST(:records AS json)) {otherwise}"
        ),
        {"records": json.dumps(rows, default=str, separators=(",", ":"), ensure_ascii=False)},
    )


async def locations_of_others(session: AsyncSession, locations: Mapping[UUID, UUID]) -> set[UUID]:
    """Of these locations (id to organization), those that another organization already holds."""
    if not locations:
        return set()
    found = await session.exec(
        select(Location.id, Location.organization_id).where(col(Location.id).in_(locations))
    )
    return {location for location, owner in found if locations[location] != owner}


def place_in_communes(locations: Iterable[LocationEntry], terms: Terms) -> None:
    """Give addresses without commune the one that their postcode certainly lies in."""
    for location in locations:
        address = location.address
        if address is not None and address.commune_nis is None and address.postcode is not None:
            address.commune_nis = _commune_of(address.postcode, terms)


def _commune_of(postcode: str, terms: Terms) -> str | None:
    above = terms.territory_above.get(postcode, {})
    communes = [
        code
        for code, certain in above.items()
        if certain and terms.territory_kind[code] == "commune"
    ]
    return communes[0] if len(communes) == 1 else None
