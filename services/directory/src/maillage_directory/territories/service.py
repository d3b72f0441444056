"""Use cases of territories: read one, resolve a place."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.errors import PostcodeNotFound, TerritoryNotFound
from maillage_directory.languages import in_language
from maillage_directory.models import Territory, TerritoryKind
from maillage_directory.territories.queries import find_territory, list_above
from maillage_directory.territories.schemas import (
    Above,
    Resolved,
    ResolveParams,
    TerritoryDetail,
    TerritoryPublic,
)


def shown(territory: Territory, language: str) -> TerritoryPublic:
    return TerritoryPublic.model_validate(
        {**territory.model_dump(), "label": in_language(territory.name, language)}
    )


async def read_territory(session: AsyncSession, code: str, *, language: str) -> TerritoryDetail:
    """Raises TerritoryNotFound."""
    territory = await find_territory(session, code)
    if territory is None:
        raise TerritoryNotFound
    above = [row for row in await list_above(session, code) if row.code != code]
    return TerritoryDetail(
        **shown(territory, language).model_dump(), within=_above(above, language)
    )


async def resolve(session: AsyncSession, params: ResolveParams, *, language: str) -> Resolved:
    """The territories that hold a postcode or a statistical sector; raises PostcodeNotFound."""
    kind = TerritoryKind.POSTCODE if params.postcode else TerritoryKind.STATISTICAL_SECTOR
    code = params.postcode or params.statistical_sector or ""
    rows = await list_above(session, code)
    if not any(row.code == code and row.kind == kind for row in rows):
        raise PostcodeNotFound if params.postcode else TerritoryNotFound
    kinds = Counter(row.kind for row in rows)
    unsure = {kind for kind, count in kinds.items() if count > 1}
    return Resolved(
        items=_above(rows, language),
        ambiguous=bool(unsure),
        ambiguous_kinds=[member for member in TerritoryKind if member in unsure],
    )


def _above(rows: Sequence[Any], language: str) -> list[Above]:
    return [
        Above(
            code=row.code,
            kind=row.kind,
            label=in_language(row.name, language) or row.code,
            is_certain=row.is_certain,
        )
        for row in rows
    ]
