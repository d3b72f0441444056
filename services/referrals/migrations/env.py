from sqlmodel import SQLModel

from maillage_common.migrations import run
from maillage_referrals import models  # noqa: F401  the tables, for the metadata

run(SQLModel.metadata)
