"""Programs and who covers what, as readers see them."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from maillage_common.dates import Day
from maillage_common.schemas import Answer, Payload
from maillage_directory.models import CoverageRole
from maillage_directory.models.columns import Texts


class ProgramPublic(Answer):
    code: str
    name: Texts
    label: str
    area: Texts
    coordinator: str | None
    funder: str | None
    level: str | None
    worker_count: int | None
    url: str | None


class ProgramsPublic(Answer):
    items: list[ProgramPublic]
    next_cursor: Literal[None] = None


class CoverageParams(Payload):
    on: Day | None = Field(default=None, description="Valid on this day; today by default")


class CoveragePublic(Answer):
    id: UUID
    program_code: str
    organization_id: UUID
    organization_label: str
    territory_code: str
    role: CoverageRole
    valid_from: date | None
    valid_to: date | None


class CoveragesPublic(Answer):
    items: list[CoveragePublic]
    next_cursor: Literal[None] = None
