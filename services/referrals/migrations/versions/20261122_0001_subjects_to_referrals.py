"""Tables from subjects to referrals, the gate, row-level security, the first access matrix.

Revision: 20261122_0001
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from maillage_common.migrations import create_common_tables, drop_common_tables

revision = "20261122_0001"
down_revision = None
branch_labels = None
depends_on = None

APP_ROLE = "referrals_app"
SQL = Path(__file__).parents[1] / "sql"
TABLES = (
    "access_matrix",
    "subject",
    "access_rule",
    "card",
    "exclusion",
    "one_time_code",
    "pointer",
    "consent",
    "referral",
    "care_link",
    "hand_over",
    "referral_event",
)
ORDINARY = (
    "administration",
    "coordination",
    "debts",
    "dental",
    "digital",
    "disability",
    "elderly",
    "employment",
    "energy",
    "family",
    "food",
    "general_medicine",
    "health_insurance",
    "hospital",
    "housing",
    "interpreting",
    "isolation",
    "prevention",
)
# The first version of the access matrix. A function that is not here sees nothing of others.
FIRST_MATRIX = {
    "raq": ORDINARY,
    "chw": ORDINARY,
    "cpps": ORDINARY,
    "social_worker": (*ORDINARY, "residence_status", "violence"),
    "general_practitioner": (
        *ORDINARY,
        "addiction",
        "mental_health",
        "residence_status",
        "sexual_health",
        "violence",
    ),
    "psychologist": (
        "coordination",
        "family",
        "general_medicine",
        "hospital",
        "isolation",
        "prevention",
        "addiction",
        "mental_health",
        "violence",
    ),
}


def upgrade() -> None:
    create_common_tables(op, app_role=APP_ROLE)
    run_script("0001_tables.sql")
    # History is written once.
    op.execute(f"REVOKE UPDATE, DELETE ON referral_event FROM {APP_ROLE}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON access_matrix, access_rule FROM {APP_ROLE}")
    run_script("0001_gate.sql")
    run_script("0001_row_level_security.sql")
    load_first_matrix()


def downgrade() -> None:
    # The other functions and every policy depend on these two.
    op.execute("DROP FUNCTION asking, asking_at CASCADE")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table} CASCADE")
    drop_common_tables(op, app_role=APP_ROLE)


def run_script(name: str) -> None:
    """Many statements at once: only the driver's simple protocol takes them."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute((SQL / name).read_text(encoding="utf-8"))


def load_first_matrix() -> None:
    op.execute(
        "INSERT INTO access_matrix (version, activated_at) VALUES (1, '2026-01-01T00:00:00Z')"
    )
    for function, categories in FIRST_MATRIX.items():
        for category in categories:
            op.execute(
                sa.text(
                    "INSERT INTO access_rule (version, function, category)"
                    " VALUES (1, :function, :category)"
                ).bindparams(function=function, category=category)
            )
