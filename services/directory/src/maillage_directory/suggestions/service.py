"""Use cases: propose a change, decide on it, say that something is wrong."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import clock
from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.dates import today
from maillage_common.errors import FieldError, InvalidRequest, MaillageError
from maillage_common.pagination import Cursors, cut_page
from maillage_common.preconditions import check_if_match
from maillage_common.schemas import Payload
from maillage_directory.errors import AlreadyDecided, OrganizationNotFound, SuggestionNotFound
from maillage_directory.events import AuditEvent
from maillage_directory.models import ProblemNote, ResourceType, Suggestion, SuggestionState
from maillage_directory.organizations.queries import find_organization
from maillage_directory.organizations.service import change_organization, check_organization_change
from maillage_directory.ownership import require_editor
from maillage_directory.records.merging import OrganizationChange, ServiceChange
from maillage_directory.services.queries import get_card
from maillage_directory.services.service import change_service, check_service_change
from maillage_directory.suggestions.queries import (
    find_suggestion,
    is_editor,
    list_suggestions,
    lock_suggestion,
    proposer,
)
from maillage_directory.suggestions.schemas import (
    NewNote,
    NewSuggestion,
    NewSuggestionDecision,
    SuggestionParams,
)
from maillage_directory.tags import version_tags
from maillage_directory.visibility import ADMIN, Layer, layer_of
from maillage_directory.vocabulary import Vocabulary


async def suggest(
    session: AsyncSession,
    payload: NewSuggestion,
    *,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """Keep a proposal that would be valid now; the record stays as it is.

    Raises InvalidRequest, UnknownNeed and the like with pointers below `/patch`.
    """
    layer = layer_of(caller)
    row = await _get_record(session, layer, payload.type, payload.record)
    change = parse_change(payload.type, payload.patch)
    check = (
        check_service_change if payload.type == ResourceType.SERVICE else check_organization_change
    )
    try:
        await check(session, row, change, vocabulary=vocabulary)
    except MaillageError as refused:
        refused.errors = tuple(
            replace(error, pointer=f"/patch{error.pointer or ''}") for error in refused.errors
        )
        raise
    made = Suggestion.model_validate(
        {
            "resource_id": payload.record,
            "resource_type": payload.type,
            "base_version": row.version,
            "patch": payload.patch,
            "proposed_by": proposer(caller),
        }
    )
    session.add(made)
    await session.flush()
    audit.record(AuditEvent.SUGGESTION_MADE, entity="suggestion", entity_id=made.id)
    return {**made.model_dump(), "is_stale": False}


async def read_suggestions(
    session: AsyncSession, params: SuggestionParams, *, caller: Caller, cursors: Cursors
) -> tuple[list[Any], str | None]:
    """A page of those that the caller proposed and, for an editor, of those on their records."""
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"})
    query = ["suggestions", asked, proposer(caller), is_editor(caller), caller.has(ADMIN)]
    after = None
    if params.cursor is not None:
        instant, last_id = cursors.decode(params.cursor, query=query)
        after = (datetime.fromisoformat(instant), last_id)
    rows = await list_suggestions(session, caller, params, after)
    return cut_page(
        rows,
        params.limit,
        key=lambda row: [row.created_at.isoformat(), str(row.id)],
        cursors=cursors,
        query=query,
    )


async def read_suggestion(session: AsyncSession, suggestion_id: UUID, *, caller: Caller) -> Any:
    row = await find_suggestion(session, caller, suggestion_id)
    if row is None:
        raise SuggestionNotFound
    return row


async def decide(
    session: AsyncSession,
    suggestion_id: UUID,
    payload: NewSuggestionDecision,
    *,
    if_match: str | None,
    caller: Caller,
    audit: AuditTrail,
    vocabulary: Vocabulary,
) -> None:
    """Accept (apply it as the editor's own change) or reject, once.

    `if_match` is the tag of the record as the editor read it. Raises SuggestionNotFound,
    AlreadyDecided, NotYourOrganization, and what a change of the record raises.
    """
    layer = layer_of(caller)
    row = await read_suggestion(session, suggestion_id, caller=caller)
    kind = ResourceType(row.resource_type)
    await require_editor(session, layer, kind, row.resource_id, row.organization_id)
    stored = await lock_suggestion(session, suggestion_id)
    if stored.state != SuggestionState.OPEN:
        raise AlreadyDecided
    if payload.decision == "accept":
        apply = change_service if kind == ResourceType.SERVICE else change_organization
        await apply(
            session,
            row.resource_id,
            parse_change(kind, row.patch),
            if_match=if_match,
            caller=caller,
            audit=audit,
            vocabulary=vocabulary,
        )
    else:
        record = await _get_record(session, layer, kind, row.resource_id)
        check_if_match(version_tags(if_match or "*"), record.version)
    accepted = payload.decision == "accept"
    stored.state = SuggestionState.ACCEPTED if accepted else SuggestionState.REJECTED
    stored.reason, stored.decided_at = payload.reason, clock.now()
    session.add(stored)
    await session.flush()
    audit.record(
        AuditEvent.SUGGESTION_DECIDED,
        entity="suggestion",
        entity_id=suggestion_id,
        changes={"state": stored.state.value},
    )


async def note_problem(
    session: AsyncSession, payload: NewNote, *, caller: Caller
) -> dict[str, Any]:
    """Keep that a record is said to be wrong; once for each code and day, whoever says it."""
    await _get_record(session, layer_of(caller), payload.type, payload.record)
    row = {
        "id": uuid7(),
        "resource_id": payload.record,
        "resource_type": payload.type,
        "code": payload.code,
        "noted_on": today(),
    }
    connection = await session.connection()
    await connection.execute(insert(ProblemNote).values(**row).on_conflict_do_nothing())
    return row


async def clear_notes(
    session: AsyncSession, kind: ResourceType, record_id: UUID, *, caller: Caller
) -> None:
    """The editor has looked at what was said to be wrong. Raises NotYourOrganization."""
    layer = layer_of(caller)
    row = await _get_record(session, layer, kind, record_id)
    owner = row.organization_id if kind == ResourceType.SERVICE else record_id
    await require_editor(session, layer, kind, record_id, owner)
    connection = await session.connection()
    await connection.execute(
        text(
            "UPDATE problem_note SET cleared_at = :now"
            " WHERE resource_id = :id AND cleared_at IS NULL"
        ),
        {"now": clock.now(), "id": record_id},
    )


def parse_change(kind: ResourceType, patch: dict[str, Any]) -> Payload:
    """The patch as an editor's change; raises InvalidRequest with pointers below `/patch`."""
    model = ServiceChange if kind == ResourceType.SERVICE else OrganizationChange
    try:
        return model.model_validate(patch)
    except ValidationError as error:
        raise InvalidRequest(
            "See `errors` for each field.",
            errors=[
                FieldError(
                    code=fault["type"],
                    detail=fault["msg"],
                    pointer="/patch" + "".join(f"/{part}" for part in fault["loc"]),
                )
                for fault in error.errors(include_input=False, include_url=False)
            ],
        ) from None


async def _get_record(
    session: AsyncSession, layer: Layer, kind: ResourceType, record_id: UUID
) -> Any:
    if kind == ResourceType.SERVICE:
        return await get_card(session, layer, record_id)
    row = await find_organization(session, layer, record_id)
    if row is None:
        raise OrganizationNotFound
    return row
