"""The contract as others see it. A change here is a change for callers."""

from pathlib import Path
from typing import Any

from maillage_local.drift import document_drift

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_document_is_the_one_agreed(app: Any) -> None:
    assert document_drift(app.openapi(), SNAPSHOT) == ""
