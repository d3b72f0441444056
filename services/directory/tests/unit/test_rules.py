"""`RULES.md` names, for each rule, tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[2]
RULES = HERE.parent / "RULES.md"
NAMED = re.compile(r"`([\w/.]+\.py)::(\w+)`")


@cache
def names_in(path: str) -> frozenset[str]:
    below = ROOT if path.startswith(("services/", "tests/", "libs/")) else HERE
    tree = ast.parse((below / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_every_rule_names_tests_that_exist() -> None:
    text = RULES.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    rules = [row for row in rows if row not in ("| rule | proof |", "| input | proof |")]
    assert len(rules) > 80
    for row in rules:
        named = NAMED.findall(row)
        assert named, row
        assert row.count("::") == len(named), row
        for path, name in named:
            assert name.startswith("test_"), name
            assert name in names_in(path), f"{path}::{name}"
