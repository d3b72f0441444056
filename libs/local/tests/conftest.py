from collections.abc import Iterator
from pathlib import Path

import pytest

from maillage_local.scratch import scratch_folder


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with scratch_folder() as folder:
        yield folder
