"""Tables in Markdown whose rows name the tests that prove them: `api/test_x.py::test_y`."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

_NAMED = re.compile(r"`([\w/.]+\.py)::(test_\w+)`")
_FROM_THE_ROOT = ("services/", "tests/", "libs/")


def rows(document: Path) -> list[str]:
    """The rows of all its tables, without their headings."""
    lines = [*document.read_text(encoding="utf-8").splitlines(), ""]
    return [line for line, below in pairwise(lines) if line.startswith("| ") and below[:3] != "|--"]


def unproven(document: Path) -> list[str]:
    """The rows that name no test, and the names of tests that are not there.

    Paths are below `tests/` beside the document, which is a service's, or from the root.
    """
    service = document.parent
    faults = []
    for row in rows(document):
        named = _NAMED.findall(row)
        if not named or len(named) != row.count("::"):
            faults.append(row)
        for path, name in named:
            below = service.parents[1] if path.startswith(_FROM_THE_ROOT) else service / "tests"
            if name not in _functions(below / path):
                faults.append(f"{path}::{name}")
    return faults


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))
