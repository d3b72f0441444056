"""Runs a search's statement."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


async def fetch(
    session: AsyncSession, statement: str, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    connection = await session.connection()
    return (await connection.execute(text(statement), parameters)).all()
