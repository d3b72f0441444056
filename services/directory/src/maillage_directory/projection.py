"""Derives `service_search` from the tables that hold the truth; see `models/search.py`."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel.ext.asyncio.session import AsyncSession

_REFRESH = text((Path(__file__).parent / "projection.sql").read_text(encoding="utf-8")).bindparams(
    bindparam("services", type_=ARRAY(Uuid())), bindparam("organizations", type_=ARRAY(Uuid()))
)


async def refresh(
    session: AsyncSession,
    *,
    services: Sequence[UUID] | None = None,
    organizations: Sequence[UUID] | None = None,
) -> None:
    """Derive again the rows of these services, or of all services of these organizations.

    Without either, all rows: after a change of needs, territories or memberships.
    """
    if services is not None and not services:
        return
    connection = await session.connection()
    await connection.execute(
        _REFRESH,
        {
            "services": None if services is None else list(services),
            "organizations": None if organizations is None else list(organizations),
        },
    )
