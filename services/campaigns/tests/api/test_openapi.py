"""The contract as others see it. A change here is a change for callers."""

from pathlib import Path
from typing import Any

from maillage_local.drift import document_drift
from maillage_local.examples import example_faults

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_document_is_the_one_agreed(app: Any) -> None:
    assert document_drift(app.openapi(), SNAPSHOT) == ""


def test_every_json_body_and_answer_has_an_example_that_holds(app: Any) -> None:
    assert example_faults(app) == []


def test_every_read_says_that_it_may_answer_304(app: Any) -> None:
    reads = {path: item["get"] for path, item in app.openapi()["paths"].items() if "get" in item}
    own = {path for path in reads if path.startswith("/campaigns/v1/")}
    assert own
    assert [path for path in own if "304" not in reads[path]["responses"]] == []
