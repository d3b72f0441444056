"""Use cases of territories: read one, resolve a place, say what one is."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditTrail
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_directory import projection
from maillage_directory.errors import (
    PointNotCovered,
    PostcodeNotFound,
    TerritoryNotFound,
    UnknownTerritory,
)
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import Territory, TerritoryKind, TerritoryMembership
from maillage_directory.records.rows import OWN_SOURCE
from maillage_directory.territories.queries import (
    find_territory,
    list_above,
    list_holding,
    list_memberships,
    list_territories,
)
from maillage_directory.territories.schemas import (
    Above,
    Membership,
    MembershipEntry,
    Resolved,
    ResolveParams,
    TerritoriesPublic,
    TerritoryContent,
    TerritoryDetail,
    TerritoryParams,
    TerritoryPublic,
)
from maillage_directory.vocabulary import Vocabulary


async def read_territories(
    session: AsyncSession, params: TerritoryParams, *, language: str, vocabulary: Vocabulary
) -> TerritoriesPublic:
    if params.within is not None:
        await vocabulary.check(session, [(UnknownTerritory, "within", params.within)])
    rows = await list_territories(session, params)
    return TerritoriesPublic(items=[_shown(row, language) for row in rows])


async def read_territory(session: AsyncSession, code: str, *, language: str) -> TerritoryDetail:
    """Raises TerritoryNotFound."""
    territory = await find_territory(session, code)
    if territory is None:
        raise TerritoryNotFound
    above = [row for row in await list_above(session, [code]) if row.code != code]
    memberships = [
        Membership.model_validate({**row._mapping, "label": in_language(row.name, language)})
        for row in await list_memberships(session, code)
    ]
    return TerritoryDetail(
        **_shown(territory, language).model_dump(),
        within=_above(above, language),
        memberships=memberships,
    )


async def resolve(session: AsyncSession, params: ResolveParams, *, language: str) -> Resolved:
    """The territories that hold a point, a statistical sector or a postcode.

    Raises PointNotCovered, PostcodeNotFound or TerritoryNotFound.
    """
    codes = await _named(session, params)
    rows = list(await list_above(session, codes))
    if params.lat is None:
        kind = TerritoryKind.POSTCODE if params.postcode else TerritoryKind.STATISTICAL_SECTOR
        if not any(row.code == codes[0] and row.kind == kind for row in rows):
            raise PostcodeNotFound if params.postcode else TerritoryNotFound
    # What one outline settles for a kind ends the doubts of the other outlines.
    settled = {row.kind for row in rows if row.is_certain}
    rows = [row for row in rows if row.is_certain or row.kind not in settled]
    unsure = {kind for kind, count in Counter(row.kind for row in rows).items() if count > 1}
    return Resolved(
        items=_above(rows, language),
        ambiguous=bool(unsure),
        ambiguous_kinds=[member for member in TerritoryKind if member in unsure],
    )


async def _named(session: AsyncSession, params: ResolveParams) -> list[str]:
    if params.lat is None or params.lon is None:
        return [params.postcode or params.statistical_sector or ""]
    held = await list_holding(session, params.lat, params.lon)
    if not held:
        raise PointNotCovered("Resolve by postcode or statistical sector instead.")
    return held


async def write_territory(
    session: AsyncSession,
    code: str,
    content: TerritoryContent,
    *,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Make a territory, or say anew what it is and what holds it.

    Raises UnknownTerritory, InvalidRequest when it would hold itself.
    """
    terms = await vocabulary.check(
        session,
        [
            (UnknownTerritory, f"/within/{number}/code", entry.code)
            for number, entry in enumerate(content.within)
            if entry.code != code
        ],
    )
    for number, entry in enumerate(content.within):
        if code == entry.code or code in terms.territory_above.get(entry.code, ()):
            raise InvalidRequest(
                errors=[
                    FieldError(
                        "holds_itself", "That territory lies in this one", f"/within/{number}/code"
                    )
                ]
            )
    _refuse_twins(content.within)
    connection = await session.connection()
    row = content.model_dump(exclude={"within"})
    made = insert(Territory).values(code=code, source=OWN_SOURCE, **row)
    await connection.execute(made.on_conflict_do_update(index_elements=["code"], set_=row))
    await connection.execute(
        delete(TerritoryMembership).where(col(TerritoryMembership.territory_code) == code)
    )
    if content.within:
        await connection.execute(insert(TerritoryMembership), [*_rows(code, content.within)])
    await projection.refresh_places(session, [code])
    audit.record(AuditEvent.TERRITORY_CHANGED, entity="territory", entity_id=code)


def _refuse_twins(within: Iterable[MembershipEntry]) -> None:
    seen: set[tuple[str, date | None]] = set()
    for number, entry in enumerate(within):
        if (entry.code, entry.valid_from) in seen:
            raise InvalidRequest(
                errors=[
                    FieldError(
                        "membership_twice", "Told twice from the same day", f"/within/{number}"
                    )
                ]
            )
        seen.add((entry.code, entry.valid_from))


def _rows(code: str, within: Iterable[MembershipEntry]) -> Iterable[dict[str, Any]]:
    for entry in within:
        yield {
            "id": uuid7(),
            "territory_code": code,
            "within_code": entry.code,
            "is_certain": entry.is_certain,
            "valid_from": entry.valid_from,
            "valid_to": entry.valid_to,
            # Loading reference data leaves memberships of this source alone.
            "source": OWN_SOURCE,
        }


def _shown(territory: Any, language: str) -> TerritoryPublic:
    return TerritoryPublic.model_validate(
        {**territory._mapping, "label": in_language(territory.name, language)}
    )


def _above(rows: Iterable[Any], language: str) -> list[Above]:
    return [
        Above(
            code=row.code,
            kind=row.kind,
            label=in_language(row.name, language) or row.code,
            is_certain=row.is_certain,
        )
        for row in rows
    ]
