"""What is told of a table whose rows name tests."""

from pathlib import Path

import pytest

from maillage_local.proofs import rows, unproven


@pytest.fixture
def document(tmp_path: Path) -> Path:
    tests = tmp_path / "services" / "x" / "tests"
    (tests / "api").mkdir(parents=True)
    (tests / "api" / "test_a.py").write_text("class TestA:\n    async def test_here(self): ...\n")
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "test_b.py").write_text("def test_there(): ...\n")
    return tests.parent / "RULES.md"


def test_rows_are_those_of_all_tables_without_headings(document: Path) -> None:
    document.write_text("text\n\n| x | y |\n|---|---|\n| a | b |\n| c | d |\n\n| z |\n|--|\n")
    assert rows(document) == ["| a | b |", "| c | d |"]


def test_what_names_tests_that_exist_is_proven(document: Path) -> None:
    document.write_text("| a | `api/test_a.py::test_here` `libs/test_b.py::test_there` |\n")
    assert unproven(document) == []


@pytest.mark.parametrize(
    ("proof", "fault"),
    [
        ("`api/test_a.py::test_gone`", "api/test_a.py::test_gone"),
        ("`api/test_gone.py::test_here`", "api/test_gone.py::test_here"),
        ("`test_b.py::test_there`", "test_b.py::test_there"),
        ("by hand", "| a | by hand |"),
        ("`api/test_a.py::TestA`", "| a | `api/test_a.py::TestA` |"),
    ],
)
def test_what_names_none_or_one_that_is_gone_is_told(
    document: Path, proof: str, fault: str
) -> None:
    document.write_text(f"| a | {proof} |\n")
    assert unproven(document) == [fault]
