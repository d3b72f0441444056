"""Who did what to whom, in the transaction that did it.

A trail cannot be built without an actor or a stated system reason. The application role may insert
and read `audit_entry`, never change or delete it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from maillage_common import columns
from maillage_common.auth import Caller, CurrentCaller
from maillage_common.database import WriteSession
from maillage_common.telemetry import current_trace_id


class SystemReason(StrEnum):
    """Why the system acts without a person. Services subclass nothing: they name one of these."""

    IMPORT = "import"
    REFERENCE_DATA = "reference_data"
    CLOCK = "clock"
    RETENTION = "retention"
    DELIVERY = "delivery"
    PEER_EVENT = "peer_event"


class Decision(StrEnum):
    PERMITTED = "permitted"
    DENIED = "denied"


class AuditEntry(SQLModel, table=True):
    """One record. `subject` is the pseudonym of the person concerned, when there is one."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(
            "(actor_subject IS NULL) <> (system_reason IS NULL)", name="actor_or_reason"
        ),
        Index(None, "subject", "at"),
        Index(None, "entity", "entity_id"),
    )

    id: UUID = columns.uuid_pk()
    at: datetime = columns.created_at()
    event: str = columns.plain_text()
    decision: Decision = columns.enum_column(Decision, "decision")
    actor_subject: str | None = columns.plain_text(nullable=True)
    actor_client_id: str | None = columns.plain_text(nullable=True)
    actor_organization: str | None = columns.plain_text(nullable=True)
    actor_function: str | None = columns.plain_text(nullable=True)
    actor_tenant: str | None = columns.plain_text(nullable=True)
    acting: str | None = columns.plain_text(nullable=True)
    system_reason: SystemReason | None = columns.enum_column(
        SystemReason, "system_reason", nullable=True
    )
    subject: str | None = columns.plain_text(nullable=True)
    entity: str = columns.plain_text()
    entity_id: str = columns.plain_text()
    purpose: str | None = columns.plain_text(nullable=True)
    changes: dict[str, Any] | None = columns.jsonb(nullable=True)
    trace_id: str = columns.plain_text(default_factory=current_trace_id)


def audit_entry(
    actor: Caller | SystemReason,
    event: str,
    *,
    entity: str,
    entity_id: UUID | str,
    subject: str | None = None,
    purpose: str | None = None,
    decision: Decision = Decision.PERMITTED,
    changes: dict[str, Any] | None = None,
) -> AuditEntry:
    """A record that stands alone, for `MaillageError(audit=[...])`: it outlives the rollback.

    `event` is a past-tense fact ("consent_withdrawn"); `changes` maps field names to old and new
    codes or ids, never to names, numbers or texts of a person.
    """
    return AuditEntry.model_validate(
        {
            **_actor_fields(actor),
            "event": event,
            "decision": decision,
            "entity": entity,
            "entity_id": str(entity_id),
            "subject": subject,
            "purpose": purpose,
            "changes": changes,
        }
    )


def _actor_fields(actor: Caller | SystemReason) -> dict[str, Any]:
    if isinstance(actor, SystemReason):
        return {"system_reason": actor}
    if not isinstance(actor, Caller):
        raise TypeError("an audit trail needs a Caller or a SystemReason")
    return {
        "actor_subject": actor.subject,
        "actor_client_id": actor.client_id,
        "actor_organization": actor.organization,
        "actor_function": actor.function,
        "actor_tenant": actor.tenant,
        "acting": " ".join(actor.acting) or None,
    }


class AuditTrail:
    """Writes records into the session whose transaction makes the change."""

    def __init__(self, session: AsyncSession, actor: Caller | SystemReason) -> None:
        _actor_fields(actor)
        self.session = session
        self.actor = actor

    def record(
        self,
        event: str,
        *,
        entity: str,
        entity_id: UUID | str,
        subject: str | None = None,
        purpose: str | None = None,
        decision: Decision = Decision.PERMITTED,
        changes: dict[str, Any] | None = None,
    ) -> None:
        """Add one record; it is flushed and committed with the rest (see `audit_entry`)."""
        self.session.add(
            audit_entry(
                self.actor,
                event,
                entity=entity,
                entity_id=entity_id,
                subject=subject,
                purpose=purpose,
                decision=decision,
                changes=changes,
            )
        )


async def get_audit(session: WriteSession, caller: CurrentCaller) -> AuditTrail:
    return AuditTrail(session, caller)


Audit = Annotated[AuditTrail, Depends(get_audit, scope="function")]
