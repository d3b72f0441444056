"""All tables. Two kinds, told apart by row-level security.

Shared tables hold no person. Tenant tables belong to one mutuality each: their key begins with
`tenant`, so that no unique or foreign key can tell one mutuality about another's row, and FORCEd
row-level security stands on every one of them.
"""

from maillage_common import audit, columns, idempotency  # isort: skip

from maillage_campaigns.models.calling import (
    Attempt,
    CallCase,
    Counsellor,
    LateResult,
    Lease,
    Objection,
    ObjectionScope,
    ObjectionSource,
    Orientation,
    OrientationState,
    Person,
    PersonAnswer,
    PersonPhone,
)
from maillage_campaigns.models.lists import (
    ImportChunk,
    ImportIssue,
    ImportRow,
    ImportStage,
    ListImport,
    Participation,
    RowOutcome,
    Severity,
)
from maillage_campaigns.models.security import policy_statements, secure_on_create, tenant_tables
from maillage_campaigns.models.shared import (
    SHARED_WITH_TENANT_COLUMN,
    Campaign,
    Contribution,
    Mutuality,
    Observation,
    OrientationRoute,
    Publication,
    PublishedCell,
)
from maillage_common.code_copies import CodeCopy

secure_on_create()

__all__ = [
    "SHARED_WITH_TENANT_COLUMN",
    "Attempt",
    "CallCase",
    "Campaign",
    "CodeCopy",
    "Contribution",
    "Counsellor",
    "ImportChunk",
    "ImportIssue",
    "ImportRow",
    "ImportStage",
    "LateResult",
    "Lease",
    "ListImport",
    "Mutuality",
    "Objection",
    "ObjectionScope",
    "ObjectionSource",
    "Observation",
    "Orientation",
    "OrientationRoute",
    "OrientationState",
    "Participation",
    "Person",
    "PersonAnswer",
    "PersonPhone",
    "Publication",
    "PublishedCell",
    "RowOutcome",
    "Severity",
    "audit",
    "columns",
    "idempotency",
    "policy_statements",
    "tenant_tables",
    "webhooks",
]
