"""Which records of a file say what stands here already, whoever said it last."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy import Row, text
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_directory.cards.exporting import exported_record
from maillage_directory.loading.outcome import Lined
from maillage_directory.projection import as_array
from maillage_directory.records.rows import (
    history_rows,
    organization_columns,
    organization_parts,
    provenance_columns,
    service_columns,
    service_parts,
)
from maillage_directory.records.schemas import OrganizationRecord, ServiceRecord
from maillage_directory.visibility import Layer

_CARDS = text(
    "SELECT resource_id, resource_type, organization_id, content, verified_at FROM card"
    " WHERE resource_id = ANY (CAST(:ids AS uuid[]))"
)
_WHOLE = Layer(is_professional=True, is_admin=True, organization=None, function=None)


async def with_standing(
    session: AsyncSession,
    lined: Lined,
    known: Mapping[UUID, str | None],
    digests: Mapping[UUID, str],
) -> dict[UUID, str | None]:
    """`known`, the digests here, as if what stands had come from this file where it says the same:
    an export that comes back untouched gives no record a new version."""
    told = {
        record.id: record
        for _, record in lined
        if record.id in known and known[record.id] != digests[record.id]
    }
    if not told:
        return dict(known)
    rows = (await (await session.connection()).execute(_CARDS, {"ids": as_array(told)})).all()
    same = await asyncio.to_thread(_same, told, rows)
    return {**known, **{record_id: digests[record_id] for record_id in same}}


def _same(told: Mapping[UUID, Any], rows: Sequence[Row[Any]]) -> list[UUID]:
    now = clock.now()
    same = []
    for row in rows:
        record = told[row.resource_id]
        try:
            standing = type(record).model_validate(exported_record(row, _WHOLE, now=now))
        except ValidationError:
            # It was written under rules of another time.
            continue
        if _written(record) == _written(standing) and _is_past_of(record, standing):
            same.append(row.resource_id)
    return same


def _written(record: OrganizationRecord | ServiceRecord) -> dict[str, Any]:
    """What would be stored; parts without a position are in no order."""
    if isinstance(record, ServiceRecord):
        columns, parts = service_columns(record), service_parts(record.id, record)
    else:
        columns, parts = organization_columns(record), organization_parts(record.id, record)
    return {
        "": [_plain({**columns, **provenance_columns(record, "")})],
        **{model.__name__: sorted(map(_plain, rows)) for model, rows in parts.items()},
    }


def _is_past_of(record: OrganizationRecord | ServiceRecord, standing: Any) -> bool:
    """The past is added to: a record that tells none of it changes none of it."""
    if isinstance(record, OrganizationRecord):
        return True
    stands = history_rows(standing)
    return all(stands.get(model) == rows for model, rows in history_rows(record).items())


def _plain(row: Mapping[str, Any]) -> bytes:
    return orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS)
