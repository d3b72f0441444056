"""Reads of enquiries: one's own, and those that one's desk is asked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.enquiries.schemas import EnquiryParams
from maillage_directory.models import Enquiry
from maillage_directory.visibility import Layer, serves_sql, visible_record_sql
from maillage_directory.vocabulary import Terms


async def list_enquiries(
    session: AsyncSession, layer: Layer, params: EnquiryParams, terms: Terms, before: UUID | None
) -> Sequence[Row[Any]]:
    """A page and one more, newest first; `is_desk`: the caller may answer."""
    where: list[str] = []
    parameters: dict[str, Any] = {"row_count": params.limit + 1}
    if params.state is not None:
        where.append("e.state = :state")
        parameters["state"] = params.state.value
    if params.territory is not None:
        where.append("e.territory_code = ANY (CAST(:inside AS text[]))")
        parameters["inside"] = terms.inside(params.territory)
    if params.need is not None:
        where.append("e.need_code = ANY (CAST(:needs AS text[]))")
        parameters["needs"] = sorted(terms.need_branch(params.need))
    if before is not None:
        where.append("e.id < :before")
        parameters["before"] = before
    return await _visible(session, layer, where, parameters)


async def find_enquiry(session: AsyncSession, layer: Layer, enquiry_id: UUID) -> Row[Any] | None:
    rows = await _visible(
        session, layer, ["e.id = :enquiry"], {"enquiry": enquiry_id, "row_count": 1}
    )
    return rows[0] if rows else None


async def _visible(
    session: AsyncSession, layer: Layer, where: list[str], parameters: dict[str, Any]
) -> Sequence[Row[Any]]:
    serves, more = serves_sql(layer, "e.territory_code")
    own = "false"
    if layer.organization is not None:
        own = "e.organization_id = :viewer_organization"
        more = {**more, "viewer_organization": layer.organization}
    connection = await session.connection()
    rows = await connection.execute(
        text(
            f"SELECT * FROM (SELECT e.*, {serves} AS is_desk, {own} AS is_own FROM enquiry e) e"  # noqa: S608
            f" WHERE {' AND '.join([*where, '(is_desk OR is_own)'])}"
            " ORDER BY e.id DESC LIMIT :row_count"
        ),
        {**parameters, **more},
    )
    return rows.all()


async def list_services_of(
    session: AsyncSession, layer: Layer, enquiries: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """The services that answer these enquiries and that the caller may see, best first."""
    visible, parameters = visible_record_sql(layer, "c")
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT s.enquiry_id, s.service_id, c.content->'name' AS name"  # noqa: S608
            " FROM enquiry_service s JOIN card c ON c.resource_id = s.service_id"
            " AND c.resource_type = 'service'"
            f" WHERE s.enquiry_id = ANY (CAST(:enquiries AS uuid[])) AND {visible}"
            " ORDER BY s.enquiry_id, s.position"
        ),
        {**parameters, "enquiries": list(enquiries)},
    )
    return rows.all()


async def lock_enquiry(session: AsyncSession, enquiry_id: UUID) -> Enquiry | None:
    found = await session.exec(
        select(Enquiry).where(col(Enquiry.id) == enquiry_id).with_for_update()
    )
    return found.first()
