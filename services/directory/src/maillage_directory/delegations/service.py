"""Use cases of delegations: give one, list them, end one."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common.audit import AuditTrail
from maillage_common.auth import Caller
from maillage_common.columns import uuid7
from maillage_common.pagination import Cursors, cut_page
from maillage_directory.delegations.schemas import DelegationParams, NewDelegation
from maillage_directory.errors import (
    AlreadyDelegated,
    DelegationNotFound,
    OrganizationNotFound,
    UnknownTerritory,
)
from maillage_directory.events import AuditEvent
from maillage_directory.models import Delegation, Organization
from maillage_directory.visibility import layer_of
from maillage_directory.vocabulary import Vocabulary


async def give_delegation(
    session: AsyncSession, payload: NewDelegation, *, audit: AuditTrail, vocabulary: Vocabulary
) -> Delegation:
    """Raises UnknownTerritory, OrganizationNotFound, AlreadyDelegated."""
    await vocabulary.check(session, [(UnknownTerritory, "/territory", payload.territory)])
    if await session.get(Organization, payload.organization) is None:
        raise OrganizationNotFound
    made = await session.exec(
        insert(Delegation)
        .values(
            id=uuid7(),
            organization_id=payload.organization,
            territory_code=payload.territory,
            valid_from=payload.valid_from,
            valid_to=payload.valid_to,
        )
        .on_conflict_do_nothing()
        .returning(Delegation)
    )
    given: Delegation | None = made.scalar_one_or_none()
    if given is None:
        raise AlreadyDelegated("End the one that there is to give it other days.")
    audit.record(
        AuditEvent.DELEGATION_GIVEN,
        entity="organization",
        entity_id=payload.organization,
        changes={"territory": payload.territory},
    )
    return given


async def read_delegations(
    session: AsyncSession,
    params: DelegationParams,
    *,
    caller: Caller,
    cursors: Cursors,
    vocabulary: Vocabulary,
) -> tuple[list[Delegation], str | None]:
    """A page by id: all for an admin, else those of the caller's organization."""
    if params.territory is not None:
        await vocabulary.check(session, [(UnknownTerritory, "territory", params.territory)])
    layer = layer_of(caller)
    asked = params.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
    query = ["delegations", asked, str(layer.organization), layer.is_admin]
    statement = select(Delegation).order_by(col(Delegation.id)).limit(params.limit + 1)
    if not layer.is_admin:
        statement = statement.where(Delegation.organization_id == layer.organization)
    if params.organization is not None:
        statement = statement.where(Delegation.organization_id == params.organization)
    if params.territory is not None:
        statement = statement.where(Delegation.territory_code == params.territory)
    if params.cursor is not None:
        (last_id,) = cursors.decode(params.cursor, query=query)
        statement = statement.where(col(Delegation.id) > UUID(last_id))
    rows = (await session.exec(statement)).all()
    return cut_page(rows, params.limit, key=lambda row: [str(row.id)], cursors=cursors, query=query)


async def end_delegation(session: AsyncSession, delegation_id: UUID, *, audit: AuditTrail) -> None:
    found = await session.get(Delegation, delegation_id)
    if found is None:
        raise DelegationNotFound
    await session.delete(found)
    audit.record(
        AuditEvent.DELEGATION_ENDED,
        entity="organization",
        entity_id=found.organization_id,
        changes={"territory": found.territory_code},
    )
