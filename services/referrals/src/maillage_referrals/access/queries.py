from uuid import UUID

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from maillage_common.audit import AuditEntry


def select_accesses(
    audit_name: str, *, before: UUID | None, limit: int
) -> SelectOfScalar[AuditEntry]:
    """Audit records about one person, newest first."""
    query = select(AuditEntry).where(col(AuditEntry.subject) == audit_name)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    return query.order_by(col(AuditEntry.id).desc()).limit(limit)
