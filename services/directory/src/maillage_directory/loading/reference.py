"""The packaged reference data: needs, territories, programs, and the organizations known so far."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory import projection
from maillage_directory.models import (
    DataSource,
    Need,
    Program,
    Territory,
    TerritoryMembership,
)
from maillage_directory.records.writing import table_of

FOLDER = Path(__file__).parents[1] / "reference"
_NAMESPACE = uuid5(NAMESPACE_URL, "https://maillage.brussels/reference")


def read_rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(row: dict[str, str], prefix: str = "name") -> dict[str, str]:
    """`name_fr`, `name_nl`, `name_en` as texts by language."""
    return {
        language: row[f"{prefix}_{language}"]
        for language in ("fr", "nl", "en")
        if row.get(f"{prefix}_{language}")
    }


async def write_reference_tables(session: AsyncSession) -> None:
    """Upsert the tables of codes; a membership that left the file leaves the table."""
    for model, rows in _tables():
        await _replace(session, model, rows)
    connection = await session.connection()
    memberships = table_of(TerritoryMembership)
    kept = [row["id"] for row in _memberships()]
    sources = {row["source"] for row in _memberships()}
    await connection.execute(
        memberships.delete().where(memberships.c.source.in_(sources), memberships.c.id.not_in(kept))
    )
    await projection.refresh_territories(session)


def _tables() -> Iterator[tuple[type[SQLModel], list[dict[str, Any]]]]:
    yield (
        DataSource,
        [
            {
                "code": row["code"],
                "title": row["title"],
                "period": row["period"] or None,
                "source_on": _day(row["source_date"]),
                "licence": None,
                "is_verified": row["verified"] == "true",
            }
            for row in read_rows("sources.csv")
        ],
    )
    yield (
        Need,
        _parents_first(
            [
                {
                    "code": row["code"],
                    "parent_code": row["parent"] or None,
                    "name": names(row),
                    "keywords": {
                        language: words.replace(";", "; ")
                        for language, words in names(row, "keywords").items()
                    },
                    "pictogram": row["pictogram"] or None,
                    "is_sensitive": row["sensitive"] == "true",
                    "exact_match": row["exact_match"].split(),
                }
                for row in read_rows("needs.csv")
            ]
        ),
    )
    yield (
        Territory,
        [
            {
                "code": row["code"],
                "kind": row["kind"],
                "name": names(row),
                "valid_from": _day(row["valid_from"]),
                "source": row["source"],
                "latitude": float(row["latitude"]) if row["latitude"] else None,
                "longitude": float(row["longitude"]) if row["longitude"] else None,
            }
            for row in read_rows("territories.csv")
        ],
    )
    yield TerritoryMembership, _memberships()
    yield (
        Program,
        [
            {
                "code": row["code"],
                "name": names(row),
                "area": names(row, "area"),
                "coordinator": row["coordinator"] or None,
                "funder": row["funder"] or None,
                "level": row["level"] or None,
                "worker_count": int(row["workers"]) if row["workers"] else None,
                "url": row["url"] or None,
                "source": row["source"],
                "source_on": _day(row["source_date"]),
            }
            for row in read_rows("programs.csv")
        ],
    )


def _memberships() -> list[dict[str, Any]]:
    return [
        {
            "id": uuid5(_NAMESPACE, f"{row['territory']} in {row['within']} {row['valid_from']}"),
            "territory_code": row["territory"],
            "within_code": row["within"],
            "valid_from": _day(row["valid_from"]),
            "is_certain": row["certain"] == "true",
            "source": row["source"],
        }
        for row in read_rows("memberships.csv")
    ]


def _parents_first(needs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """So that a parent exists when its child refers to it."""
    placed: dict[str, dict[str, Any]] = {}
    waiting = list(needs)
    while waiting:
        ready = [need for need in waiting if need["parent_code"] in (None, *placed)]
        if not ready:
            raise ValueError("the needs do not form a tree")
        placed.update({need["code"]: need for need in ready})
        waiting = [need for need in waiting if need["code"] not in placed]
    return list(placed.values())


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


async def _replace(
    session: AsyncSession, model: type[SQLModel], rows: Sequence[dict[str, Any]]
) -> None:
    table = table_of(model)
    keys = [column.name for column in table.primary_key]
    statement = insert(table)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection = await session.connection()
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changes), list(rows)
    )
