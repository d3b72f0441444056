"""The contract as others see it. A change here is a change for callers."""

import json
import os
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_document_is_the_one_agreed(app: Any) -> None:
    document = json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(document)
    assert document == SNAPSHOT.read_text()
