from pathlib import Path

import pytest

from maillage_local.checks import Check, count_tests, judge, phases

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
    first, last = phases(root)
    assert {check.name for check in first if check.is_suite} == members
    assert {check.name for check in first if not check.is_suite} == {
        "types",
        "format",
        "lint",
        "layers",
    }
    # The crashes run beside the other end-to-end tests, and only there.
    story, crashes = last
    assert (story.name, crashes.name) == ("tests/e2e", "tests/e2e/test_crashes.py")
    assert f"--ignore={crashes.name}" in story.command
