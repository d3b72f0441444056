"""Use cases of diagnoses: keep an entry, find it."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.pagination import Cursors, Page, cut_page
from maillage_common.preconditions import check_if_match
from maillage_directory.diagnostics.queries import (
    find_diagnostic,
    list_diagnostics,
    lock_diagnostic,
)
from maillage_directory.diagnostics.schemas import (
    DiagnosticContent,
    DiagnosticParams,
    DiagnosticPublic,
)
from maillage_directory.errors import DiagnosticNotFound, UnknownNeed, UnknownTerritory
from maillage_directory.events import AuditEvent
from maillage_directory.languages import in_language
from maillage_directory.models import Diagnostic
from maillage_directory.ownership import choose_owner, require_own
from maillage_directory.records.codes import codes_in
from maillage_directory.records.rows import OWN_SOURCE
from maillage_directory.tags import version_tags
from maillage_directory.visibility import Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def read_diagnostic(
    session: AsyncSession, diagnostic_id: UUID, *, caller: Caller, language: str
) -> DiagnosticPublic:
    """Raises DiagnosticNotFound."""
    row = await find_diagnostic(session, layer_of(caller), diagnostic_id)
    if row is None:
        raise DiagnosticNotFound
    return _shown(row, language)


async def read_diagnostics(
    session: AsyncSession,
    params: DiagnosticParams,
    *,
    caller: Caller,
    language: str,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> Page[DiagnosticPublic]:
    layer = layer_of(caller)
    codes: list[tuple[Any, str, str]] = [
        (error, name, code)
        for error, name, code in (
            (UnknownTerritory, "territory", params.territory),
            (UnknownNeed, "theme", params.theme),
        )
        if code is not None
    ]
    terms = await vocabulary.check(session, codes)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = {"diagnostics": asked, "layer": layer.name}
    after = None
    if params.cursor is not None:
        day, last_id = cursors.decode(params.cursor, query=query)
        after = (date.fromisoformat(day), UUID(last_id))
    rows = await list_diagnostics(session, layer, params, terms, after)
    page, cursor = cut_page(
        rows,
        params.limit,
        key=lambda row: [row.published_on.isoformat(), str(row.id)],
        cursors=cursors,
        query=query,
    )
    return Page(items=[_shown(row, language) for row in page], next_cursor=cursor)


async def create_diagnostic(
    session: AsyncSession,
    content: DiagnosticContent,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> UUID:
    owner = await choose_owner(session, layer_of(caller), content.organization)
    diagnostic_id = uuid7()
    row = await _row(session, content, vocabulary)
    session.add(
        Diagnostic.model_validate(
            {"id": diagnostic_id, "organization_id": owner, "source": OWN_SOURCE, **row}
        )
    )
    await session.flush()
    audit.record(AuditEvent.DIAGNOSTIC_CHANGED, entity="diagnostic", entity_id=diagnostic_id)
    return diagnostic_id


async def replace_diagnostic(
    session: AsyncSession,
    diagnostic_id: UUID,
    content: DiagnosticContent,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Raises DiagnosticNotFound, NotYourOrganization, a failed precondition."""
    layer = layer_of(caller)
    stored = await _lock_own(session, layer, diagnostic_id)
    check_if_match(version_tags(if_match), stored.version)
    owner = await choose_owner(session, layer, content.organization or stored.organization_id)
    row = await _row(session, content, vocabulary)
    for name, value in {**row, "organization_id": owner}.items():
        setattr(stored, name, value)
    stored.version += 1
    stored.updated_at = clock.now()
    await session.flush()
    audit.record(AuditEvent.DIAGNOSTIC_CHANGED, entity="diagnostic", entity_id=diagnostic_id)


async def delete_diagnostic(
    session: AsyncSession, diagnostic_id: UUID, *, caller: Caller, audit: AuditTrail
) -> None:
    stored = await _lock_own(session, layer_of(caller), diagnostic_id)
    await session.delete(stored)
    await session.flush()
    audit.record(AuditEvent.DIAGNOSTIC_DELETED, entity="diagnostic", entity_id=diagnostic_id)


async def _lock_own(session: AsyncSession, layer: Layer, diagnostic_id: UUID) -> Diagnostic:
    if await find_diagnostic(session, layer, diagnostic_id) is None:
        raise DiagnosticNotFound
    stored = await lock_diagnostic(session, diagnostic_id)
    if stored is None:
        raise DiagnosticNotFound
    require_own(layer, stored.organization_id)
    return stored


async def _row(
    session: AsyncSession, content: DiagnosticContent, vocabulary: Vocabulary
) -> dict[str, Any]:
    await vocabulary.check(session, list(codes_in(content.model_dump())))
    return {
        **content.model_dump(exclude={"organization", "territory"}),
        "territory_code": content.territory,
    }


def _shown(row: Any, language: str) -> DiagnosticPublic:
    return DiagnosticPublic.model_validate(
        {**row._mapping, "label": in_language(row.title, language) or ""}
    )
