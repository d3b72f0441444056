"""Exports: the caller's part of the directory, streamed."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.codes import UnknownCode
from maillage_common.database import Database
from maillage_directory.cards.exporting import exported_record
from maillage_directory.cards.selecting import Condition, Wanted, wanted_cards
from maillage_directory.cards.streaming import stream_rows
from maillage_directory.errors import (
    UnknownNeed,
    UnknownProgram,
    UnknownTerritory,
)
from maillage_directory.exports.formats import FORMATS, Batches, Exported
from maillage_directory.exports.schemas import ExportFormat, ExportParams
from maillage_directory.visibility import Layer
from maillage_directory.vocabulary import Vocabulary

_CARDS = (
    "SELECT c.resource_type, c.organization_id, c.content, c.verified_at, c.changed_at"
    " FROM card c WHERE {where} ORDER BY {order}"
)
# Owners before what they own. In a package services flow first, organization by organization.
_ORDER = "c.resource_type, c.resource_id"
_PACKAGE_ORDER = "c.resource_type DESC, c.organization_id, c.resource_id"


async def prepare_export(
    session: AsyncSession,
    database: Database,
    params: ExportParams,
    *,
    form: ExportFormat,
    layer: Layer,
    vocabulary: Vocabulary,
) -> AsyncIterator[bytes]:
    """Check the codes now (raises UnknownNeed and the like); the bytes come from a session of
    their own, after this one is closed."""
    codes: list[tuple[type[UnknownCode], str, str]] = [
        *((UnknownNeed, "need", code) for code in params.need),
        *((UnknownTerritory, "territory", code) for code in params.territory),
        *((UnknownProgram, "program", code) for code in params.program),
    ]
    terms = await vocabulary.check(session, codes)
    wanted = Wanted(
        needs=tuple(params.need),
        territories=tuple(params.territory),
        programs=tuple(params.program),
        modified_after=params.modified_after,
    )
    condition = wanted_cards(wanted, layer, terms)
    return FORMATS[form](_records(database, condition, form, layer, clock.now()), terms)


async def _records(
    database: Database, condition: Condition, form: ExportFormat, layer: Layer, now: datetime
) -> Batches:
    order = _PACKAGE_ORDER if form is ExportFormat.HSDS else _ORDER
    statement = _CARDS.format(where=condition.sql, order=order)
    async for rows in stream_rows(database, statement, condition.parameters):
        batch: Sequence[Exported] = [
            Exported(exported_record(row, layer, now=now), row.changed_at) for row in rows
        ]
        yield batch
