"""`RULES.md` names, for each rule, tests that exist."""

from pathlib import Path

from maillage_local.proofs import rows, unproven

RULES = Path(__file__).parents[2] / "RULES.md"


def test_every_rule_names_tests_that_exist() -> None:
    assert len(rows(RULES)) > 80
    assert unproven(RULES) == []
