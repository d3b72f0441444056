"""The sample service of the common library's tests: notes, one wall between tenants."""

from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from maillage_common import audit, columns, idempotency, webhooks  # noqa: F401 (their tables)


class Note(SQLModel, table=True):
    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("tenant", "words"),)

    id: UUID = columns.uuid_pk()
    tenant: str = columns.plain_text()
    words: str = columns.plain_text()
    version: int = columns.version()
