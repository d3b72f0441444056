"""`ATTACKS.md` has every attack of the table once, each with tests that exist."""

from pathlib import Path

from maillage_local.proofs import rows, unproven

ATTACKS = Path(__file__).parents[2] / "ATTACKS.md"


def test_every_attack_names_tests_that_exist():
    numbers = [int(row.split("|")[1]) for row in rows(ATTACKS)]
    assert sorted(numbers) == list(range(1, 34))
    assert unproven(ATTACKS) == []
