"""What the person reads about who looked."""

from datetime import datetime
from uuid import UUID

from maillage_common.audit import Decision
from maillage_common.schemas import Answer


class AccessPublic(Answer):
    """One look or attempt. `who` is "you", somebody's id at their organization, or "system"."""

    id: UUID
    at: datetime
    event: str
    words: str
    decision: Decision
    who: str
    organization: str | None
    function: str | None
    application: str | None
    purpose: str | None
    entity: str
    entity_id: str
    unmet: list[str]
