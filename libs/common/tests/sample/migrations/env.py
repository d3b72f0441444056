from maillage_sample import models  # noqa: F401 (registers the tables)
from sqlmodel import SQLModel

from maillage_common.migrations import run

run(SQLModel.metadata)
