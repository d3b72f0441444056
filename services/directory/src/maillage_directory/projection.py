"""Derives `card` and `service_search` from the tables that hold the truth; see their models."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel.ext.asyncio.session import AsyncSession


def _statement(name: str, *arrays: str) -> TextClause:
    sql = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return text(sql).bindparams(*(bindparam(array, type_=ARRAY(Uuid())) for array in arrays))


_ORGANIZATIONS = _statement("projection_organizations.sql", "organizations")
_SERVICES = _statement("projection_services.sql", "services", "organizations")


async def refresh(
    session: AsyncSession,
    *,
    services: Sequence[UUID] | None = None,
    organizations: Sequence[UUID] | None = None,
) -> None:
    """Derive again the rows of these services, or of these organizations and all their services.

    Without either, all rows: after a change of needs, territories or memberships.
    """
    if services is not None and not services:
        return
    connection = await session.connection()
    asked = {
        "services": None if services is None else list(services),
        "organizations": None if organizations is None else list(organizations),
    }
    if services is None:
        await connection.execute(_ORGANIZATIONS, {"organizations": asked["organizations"]})
    await connection.execute(_SERVICES, asked)
