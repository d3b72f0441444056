from pathlib import Path

import pytest

from maillage_local.checks import APART, END_TO_END, Check, checks, count_tests, judge

SUITE = Check("suite", ("pytest",), is_suite=True)
LINT = Check("lint", ("ruff",))


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("....\n12 passed in 3.21s", (12, 0)),
        ("F.\n1 failed, 12 passed, 2 errors in 65.00s (0:01:05)", (12, 3)),
        ("===== 3 passed, 1 error in 0.10s =====", (3, 1)),
        ("7 passed in 1.0s\nsomething after it", (7, 0)),
        ("printed by a test: 99 passed\n1 passed in 0.01s", (1, 0)),
        ("no tests ran in 0.01s", (0, 0)),
        ("Segmentation fault", (0, 0)),
    ],
)
def test_reads_the_closing_line(output: str, counts: tuple[int, int]) -> None:
    assert count_tests(output) == counts


def test_suite_that_ran_nothing_fails() -> None:
    assert not judge(SUITE, 0, 1.0, "no tests ran in 0.01s").succeeded


@pytest.mark.parametrize("check", [SUITE, LINT])
def test_failing_command_counts_at_least_once(check: Check) -> None:
    result = judge(check, 1, 1.0, "4 passed in 1.00s")
    assert (result.succeeded, result.failed) == (False, 1)


def test_silent_lint_succeeds_and_counts_no_test() -> None:
    result = judge(LINT, 0, 1.0, "")
    assert (result.succeeded, result.passed, result.failed) == (True, 0, 0)


def test_every_member_with_sources_has_its_suite() -> None:
    root = Path(__file__).parents[4]
    members = {str(path.parent.relative_to(root)) for path in root.glob("*/*/src")}
    found = {check.name: check for check in checks(root)}
    assert {name for name, check in found.items() if check.is_suite} == {
        *(members | {END_TO_END}),
        *APART,
    }
    assert {name for name, check in found.items() if not check.is_suite} == {
        "types",
        "format",
        "lint",
        "layers",
    }
    # What runs beside the other end-to-end tests is there, and does not run among them too.
    assert all((root / apart).is_file() for apart in APART)
    assert {f"--ignore={apart}" for apart in APART} <= {*found[END_TO_END].command}
