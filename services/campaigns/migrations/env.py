"""Alembic's entry; the harness is in maillage_common.migrations."""

from sqlmodel import SQLModel

import maillage_campaigns.models  # noqa: F401 (fills the metadata)
from maillage_common.migrations import run

run(SQLModel.metadata)
