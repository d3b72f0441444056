from sqlmodel import SQLModel

import maillage_common.audit
import maillage_common.idempotency
import maillage_common.webhooks  # noqa: F401
import maillage_directory.models  # noqa: F401
from maillage_common.migrations import run

run(SQLModel.metadata)
