"""Reads of programs and their coverage."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_directory.models import Program
from maillage_directory.visibility import Layer, visible_sql


async def list_programs(session: AsyncSession) -> Sequence[Program]:
    return (await session.exec(select(Program).order_by(col(Program.code)))).all()


async def find_program(session: AsyncSession, code: str) -> Program | None:
    return (await session.exec(select(Program).where(Program.code == code))).first()


async def list_coverage(
    session: AsyncSession, layer: Layer, code: str, on: date
) -> Sequence[Row[Any]]:
    """Who covers which territory on a day, of the organizations the caller may see."""
    visible, parameters = visible_sql(
        layer, owner="o.id", visibility="o.visibility", network="o.network"
    )
    connection = await session.connection()
    rows = await connection.execute(
        text(
            "SELECT c.*, o.name AS organization_name FROM program_coverage c"  # noqa: S608
            " JOIN organization o ON o.id = c.organization_id"
            " WHERE c.program_code = :code"
            " AND (c.valid_from IS NULL OR c.valid_from <= :on_day)"
            f" AND (c.valid_to IS NULL OR c.valid_to >= :on_day) AND {visible}"
            " ORDER BY c.territory_code, c.role, c.id"
        ),
        {**parameters, "code": code, "on_day": on},
    )
    return rows.all()
