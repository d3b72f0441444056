"""Use cases of outlines: import one or many, give one back."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.codes import nearest
from maillage_common.columns import uuid7
from maillage_common.errors import FieldError, InvalidRequest
from maillage_directory import projection
from maillage_directory.errors import OutlineNotFound, TerritoryNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import TerritoryOutline, TerritoryRing
from maillage_directory.territories.outlines import (
    InvalidOutline,
    Outline,
    declared_crs,
    read_outline,
)
from maillage_directory.territories.queries import find_outline, find_territory, lock_territory
from maillage_directory.territories.schemas import (
    NewOutline,
    NewOutlines,
    OutlineOutcome,
    OutlineOutcomes,
    OutlinePublic,
    OutlineStored,
)
from maillage_directory.vocabulary import Terms, Vocabulary

_RING = text(
    "INSERT INTO territory_ring (id, territory_code, ring)"
    " VALUES (:id, :code, CAST(:ring AS polygon))"
)


async def read_outline_of(session: AsyncSession, code: str, *, language: str) -> OutlinePublic:
    """Raises TerritoryNotFound, OutlineNotFound."""
    territory = await find_territory(session, code)
    if territory is None:
        raise TerritoryNotFound
    outline = await find_outline(session, code)
    if outline is None:
        raise OutlineNotFound
    return OutlinePublic(
        id=code,
        geometry=outline.geometry,
        properties={
            "code": code,
            "kind": territory.kind,
            "name": territory.name,
            "label": in_language(territory.name, language),
            "source": outline.source,
        },
    )


async def import_outline(
    session: AsyncSession, code: str, payload: NewOutline, *, audit: AuditTrail
) -> OutlineStored:
    """Replace the outline of one territory; raises TerritoryNotFound, InvalidRequest."""
    if await lock_territory(session, code) is None:
        raise TerritoryNotFound
    try:
        outline = await asyncio.to_thread(read_outline, payload.geometry, crs=payload.crs)
    except InvalidOutline as fault:
        raise InvalidRequest(errors=[FieldError(fault.code, fault.detail, "/geometry")]) from None
    await _store(session, code, outline, payload.source)
    await projection.refresh_places(session, [code], [outline.box])
    audit.record(AuditEvent.OUTLINE_IMPORTED, entity="territory", entity_id=code)
    return OutlineStored(
        territory=code,
        bbox=outline.box,
        polygons=len(outline.polygons),
        updated_at=clock.now(),
    )


async def import_outlines(
    session: AsyncSession, payload: NewOutlines, *, audit: AuditTrail, vocabulary: Vocabulary
) -> OutlineOutcomes:
    """The outlines of a FeatureCollection: every good one is kept, the others are told."""
    try:
        crs = payload.reference_system or declared_crs(payload.model_dump()) or "EPSG:4326"
    except InvalidOutline as fault:
        raise InvalidRequest(errors=[FieldError(fault.code, fault.detail, "/crs")]) from None
    terms = await vocabulary.terms(session, afresh=True)
    outcomes = []
    drawn: dict[str, projection.Box] = {}
    for number, feature in enumerate(payload.features):
        code = _code_of(feature, payload.code_property)
        try:
            outline = await asyncio.to_thread(_read_feature, feature, code, terms, crs)
        except InvalidOutline as fault:
            outcomes.append(_rejected(number, code, fault))
            continue
        assert code is not None, "a feature without a known code was refused"
        await _store(session, code, outline, payload.source)
        audit.record(AuditEvent.OUTLINE_IMPORTED, entity="territory", entity_id=code)
        drawn[code] = outline.box
        outcomes.append(OutlineOutcome(feature=number, territory=code, outcome="imported"))
    imported = sum(one.outcome == "imported" for one in outcomes)
    await projection.refresh_places(session, drawn, drawn.values())
    return OutlineOutcomes(imported=imported, rejected=len(outcomes) - imported, items=outcomes)


def _read_feature(feature: Mapping[str, Any], code: str | None, terms: Terms, crs: str) -> Outline:
    if code is None:
        raise InvalidOutline("territory_not_named", "Give the territory's code in a property")
    if code not in terms.territories:
        near = ", ".join(nearest(code, terms.territories))
        detail = f"Did you mean {near}?" if near else "No territory has this code"
        raise InvalidOutline("unknown_territory", detail)
    return read_outline(feature.get("geometry"), crs=crs)


def _code_of(feature: Mapping[str, Any], code_property: str) -> str | None:
    properties = feature.get("properties")
    named = properties.get(code_property) if isinstance(properties, Mapping) else None
    found = named if named is not None else feature.get("id")
    # Codes of communes and sectors are often numbers in exports.
    return str(found)[:80] if isinstance(found, str | int) and found != "" else None


def _rejected(number: int, code: str | None, fault: InvalidOutline) -> OutlineOutcome:
    return OutlineOutcome(
        feature=number, territory=code, outcome="rejected", code=fault.code, detail=fault.detail
    )


async def _store(session: AsyncSession, code: str, outline: Outline, source: str | None) -> None:
    connection = await session.connection()
    row = {"geometry": outline.as_geojson(), "source": source, "updated_at": clock.now()}
    made = insert(TerritoryOutline).values(territory_code=code, **row)
    await connection.execute(
        made.on_conflict_do_update(
            index_elements=["territory_code"],
            set_={**row, "version": col(TerritoryOutline.version) + 1},
        )
    )
    await connection.execute(delete(TerritoryRing).where(col(TerritoryRing.territory_code) == code))
    await connection.execute(
        _RING, [{"id": uuid7(), "code": code, "ring": ring} for ring in outline.rings()]
    )
    # The centre that nobody gave: some point inside.
    longitude, latitude = outline.centre
    await connection.execute(
        text(
            "UPDATE territory SET latitude = :latitude, longitude = :longitude"
            " WHERE code = :code AND latitude IS NULL"
        ),
        {"latitude": latitude, "longitude": longitude, "code": code},
    )
