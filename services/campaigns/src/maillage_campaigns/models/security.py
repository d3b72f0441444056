"""Row-level security of the tenant tables, as PostgreSQL statements.

An unset or empty `maillage.tenant` is null, equals nothing and so sees nothing.
"""

from collections.abc import Iterator

from sqlalchemy import DDL, Table, event
from sqlmodel import SQLModel

from maillage_campaigns.models.shared import SHARED_WITH_TENANT_COLUMN

_OWN = "tenant = NULLIF(current_setting('maillage.tenant'::text, true), ''::text)"


def tenant_tables() -> Iterator[Table]:
    """Every table with a tenant column that is not shared on purpose."""
    for table in SQLModel.metadata.sorted_tables:
        if "tenant" in table.columns and table.name not in SHARED_WITH_TENANT_COLUMN:
            yield table


def policy_statements(table_name: str) -> tuple[str, ...]:
    return (
        f"ALTER TABLE {table_name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table_name} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_tenant ON {table_name} USING ({_OWN}) WITH CHECK ({_OWN})",
    )


def secure_on_create() -> None:
    """Give the tables their policies when the metadata creates them (the drift test does)."""
    for table in tenant_tables():
        for statement in policy_statements(table.name):
            event.listen(table, "after_create", DDL(statement))  # type: ignore[no-untyped-call]
